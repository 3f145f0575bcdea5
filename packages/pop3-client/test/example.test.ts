import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { CERTIFICATE, MAIL, start } from './start.ts'

const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8')

test('the example of the README runs and says what it promises', async () => {
  const { tlsPort } = await start({}, MAIL.slice(0, 2))
  const folder = await mkdtemp(join(tmpdir(), 'pop3-client-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const environment = {
    POP3_HOST: '127.0.0.1',
    POP3_PORT: String(tlsPort),
    POP3_PASSWORD: 'secret',
    POP3_CA: CERTIFICATE.cert,
    POP3_STATE: join(folder, 'anna.jsonl'),
  }
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
  onTestFinished(() => void vi.unstubAllEnvs())
  const said: unknown[][] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...words) => void said.push(words))
  await import('./example.ts')
  log.mockRestore()
  expect(said).toEqual([[2, 'Subject: one'], [26, 23], [26, 29], ['2 fetched, 2 on the server']])
})

test('the README shows it as it is', async () => {
  const shown = (await read('./example.ts')).replace('../src/index.ts', '@restante/pop3-client')
  expect(await read('../README.md')).toContain(shown.trim())
})
