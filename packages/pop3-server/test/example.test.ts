import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { example } from './example.ts'
import { connectPlain, logIn } from './wire.ts'

test('the 60-second example runs', async () => {
  const printed = vi.spyOn(console, 'log').mockImplementation(() => {})
  const controller = new AbortController()
  const running = example(controller.signal)
  await vi.waitFor(() => expect(printed).toHaveBeenCalled())
  const port = Number(/:(\d+)\/1$/.exec(String(printed.mock.calls[0]?.[0]))?.[1])
  printed.mockRestore()
  const wire = await logIn(await connectPlain(port))
  expect((await wire.askMulti('RETR 1')).body).toBe('From: a@b.example\r\n\r\nhi\r\n')
  await wire.ask('QUIT')
  await wire.closed()
  controller.abort()
  expect((await running).slice(0, 3)).toEqual(['connection null', 'login anna', 'retrieved anna'])
})

test('the README shows it', () => {
  const file = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8')
  expect(file('../README.md')).toContain(file('example.ts'))
})
