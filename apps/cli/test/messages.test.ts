import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readMessages } from '../src/messages.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'restante-messages-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const put = (name: string, text: string) => {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text, 'latin1')
  return join(folder, name)
}
const read = async (path: string) => {
  const found: [string, string][] = []
  for await (const { name, octets } of readMessages(path))
    found.push([relative(folder, name), Buffer.from(octets).toString('latin1')])
  return found
}

test('a file is one message, to the octet', async () => {
  const path = put('a.eml', 'Subject: x\r\n\r\n\xff\0 no end')
  expect(await read(path)).toEqual([['a.eml', 'Subject: x\r\n\r\n\xff\0 no end']])
})

test('a folder gives all its files in order, those of its folders too, hidden ones not', async () => {
  for (const name of ['b/2.eml', 'b/10.eml', 'a.eml', '.hidden', 'cur/x:2,S'])
    put(name, `Subject: ${name}\n\n`)
  expect((await read(folder)).map(([name]) => name)).toEqual(['a.eml', 'b/10.eml', 'b/2.eml', 'cur/x:2,S'])
})

test('an mbox gives each message, its quoting undone, the empty line between them not taken', async () => {
  const path = put(
    'box',
    [
      'From a@b Sun Nov 22 07:05:09 2026',
      'Subject: one',
      '',
      '>From here on',
      '>>From twice quoted',
      ' From not at the start',
      '',
      '',
      'From c@d Sun Nov 22 07:05:10 2026',
      'Subject: two',
      '',
      'last \xe9',
      '',
    ].join('\n'),
  )
  expect(await read(path)).toEqual([
    ['box:1', 'Subject: one\n\nFrom here on\n>From twice quoted\n From not at the start\n\n'],
    ['box:2', 'Subject: two\n\nlast \xe9\n'],
  ])
})

test('an mbox with CRLF line ends, and one with nothing in it', async () => {
  const crlf = put('crlf', 'From a\r\nSubject: one\r\n\r\nx\r\n\r\nFrom b\r\nSubject: two\r\n\r\ny\r\n')
  expect((await read(crlf)).map(([, text]) => text)).toEqual(['Subject: one\n\nx\n', 'Subject: two\n\ny\n'])
  expect(await read(put('empty-box', 'From a\n'))).toEqual([])
  expect(await read(put('empty', ''))).toEqual([['empty', '']])
})

test('a path that is not there ends the command, with its name', async () => {
  await expect(read(join(folder, 'none'))).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringContaining('none'),
  })
})
