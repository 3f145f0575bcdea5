import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { askRoles, openControls } from '../src/index.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'restante-control-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const controls = {
  echo: (given: unknown) => [given as never],
  fails: () => {
    throw new Error('no such thing')
  },
}

test('every running role of the folder is asked', async () => {
  await using _first = await openControls(directory, 'receiver', controls)
  await using _second = await openControls(directory, 'pop3d', { echo: () => 2 })
  const { pid } = process
  const answers = await askRoles(directory, 'echo', { remote: '192.0.2.1' })
  expect([...answers].sort((a, b) => (a.role < b.role ? -1 : 1))).toEqual([
    { role: 'pop3d', pid, answer: 2 },
    { role: 'receiver', pid, answer: [{ remote: '192.0.2.1' }] },
  ])
  expect(statSync(join(directory, `receiver.${pid}.sock`)).mode & 0o777).toBe(0o600)
})

test.each([
  ['fails', 'no such thing'],
  ['toString', 'not a question for this role'],
])('%s: said, and the role goes on', async (ask, failed) => {
  await using _ = await openControls(directory, 'receiver', controls)
  expect(await askRoles(directory, ask)).toMatchObject([{ failed }])
  expect(await askRoles(directory, 'echo')).toMatchObject([{ answer: [{}] }])
})

test('where nothing runs there is no answer; what a dead process left is not asked, and taken away', async () => {
  expect(await askRoles(directory, 'echo')).toEqual([])
  expect(await askRoles(join(directory, 'none'), 'echo')).toEqual([])
  const left = join(directory, 'receiver.999999999.sock')
  writeFileSync(left, '')
  expect(await askRoles(directory, 'echo')).toEqual([])
  await using _ = await openControls(directory, 'receiver', controls)
  expect(() => statSync(left)).toThrow('ENOENT')
})

test('junk ends the connection, not the role', async () => {
  await using _ = await openControls(directory, 'receiver', controls)
  const socket = connect(join(directory, `receiver.${process.pid}.sock`))
  socket.on('error', () => {})
  socket.write('x'.repeat(100_000))
  await new Promise((closed) => socket.on('close', closed))
  expect(await askRoles(directory, 'echo')).toMatchObject([{ answer: [{}] }])
})
