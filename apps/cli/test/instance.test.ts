import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { run, type Standing, show, stand } from './command.ts'

// Every test starts processes, and a busy machine starts them slowly.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

/** Says POP3 lines to a port; answers every line until the peer hangs up. */
const pop3 = async (port: unknown, ...lines: string[]): Promise<readonly string[]> => {
  const socket = connect(port as number, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1')
  })
  await once(socket, 'data')
  socket.write(`${lines.join('\r\n')}\r\nQUIT\r\n`)
  await once(socket, 'close')
  return answer.split('\r\n')
}

describe('a running dev instance', () => {
  let folder: string
  let data: readonly string[]
  let dev: Standing
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'restante-dev-test-'))
    data = ['--data', join(folder, 'store')]
    writeFileSync(join(folder, 'accounts'), 'ben@acme.example: p w \r\n\nclara@other.example:пароль\n')
    const accounts = ['--account', 'anna@acme.example:secret', '--accounts', 'accounts']
    dev = await stand(folder, ['dev', ...data, ...accounts, '--limits', 'off', '--pidfile', 'pid'])
  })
  afterAll(async () => {
    await dev.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const cli = (...line: string[]) => run(folder, [...line, ...data])

  test('says in one line what it is and where it listens', () => {
    expect(dev.ready).toEqual({
      event: 'ready',
      pid: dev.pid,
      smtp: expect.any(Number),
      submission: expect.any(Number),
      lmtp: expect.any(Number),
      pop3: expect.any(Number),
      pop3s: expect.any(Number),
      http: 'off',
      adminLink: null,
      data: join(folder, 'store'),
    })
    expect(readFileSync(join(folder, 'pid'), 'utf8')).toBe(`${dev.pid}\n`)
  })

  test('takes a test message by SMTP, and hands it out by POP3', async () => {
    const sent = await cli('send-test', 'anna@acme.example', '--json')
    expect(sent).toMatchObject({ code: 0, stderr: '' })
    const id = /Stored as (\w{26})/.exec(sent.stdout)?.[1] as string
    const lines = await pop3(dev.ready['pop3'], 'USER anna', 'PASS secret', 'UIDL', 'RETR 1')
    expect(lines).toContain(`1 ${id}`)
    expect(lines).toContain('Delivered-To: anna@acme.example')
    const explained = await cli('explain', id.slice(0, 14).toLowerCase())
    expect(explained.stdout).toMatch(
      /^DELIVERED {2}[-\d.]+ of 6\.0 needed {3}to anna@acme\.example {3}\d{4}-/,
    )
    expect(explained.stdout).toContain('Subject Restante test')
    expect(await cli('send-test', 'nobody@acme.example')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('The server refused: 550 5.1.1'),
    })
  })

  test('lets in each account of the list, with its password to the letter', async () => {
    expect((await pop3(dev.ready['pop3'], 'USER ben', 'PASS  p w '))[2]).toMatch(/^\+OK/)
    const socket = ['USER clara@other.example', `PASS ${Buffer.from('пароль').toString('latin1')}`]
    const clara = connect(dev.ready['pop3'] as number, '127.0.0.1')
    await once(clara, 'data')
    clara.write(`${socket[0]}\r\n`)
    await once(clara, 'data')
    clara.write('PASS пароль\r\n')
    expect(String((await once(clara, 'data'))[0])).toMatch(/^\+OK/)
    clara.destroy()
    expect((await pop3(dev.ready['pop3'], 'USER ben', 'PASS p w'))[2]).toMatch(/^-ERR \[AUTH\]/)
  })

  test('gets mail put in, people added and lessons while it runs', async () => {
    writeFileSync(join(folder, 'hand.eml'), 'Subject: by hand\n\nx\n')
    expect(await cli('deliver', '--to', 'ben@acme.example', 'hand.eml')).toMatchObject({ code: 0 })
    expect(await pop3(dev.ready['pop3'], 'USER ben', 'PASS  p w ', 'RETR 1')).toContain('Subject: by hand')
    expect(await cli('account', 'add', 'dora@acme.example', '--password', 'new')).toMatchObject({ code: 0 })
    await vi.waitFor(async () =>
      expect((await pop3(dev.ready['pop3'], 'USER dora', 'PASS new'))[2]).toMatch(/^\+OK/),
    )
    const learned = await cli('learn', 'spam', 'hand.eml', '--json')
    expect(JSON.parse(learned.stdout)).toMatchObject({ read: 1, spam: 1 })
  })

  test('reloads when told to', async () => {
    expect(await cli('reload', '--json')).toMatchObject({ code: 0, stdout: `{"pid":${dev.pid}}\n` })
    await vi.waitFor(() => {
      const log = readFileSync(join(folder, 'store', 'dev.log'), 'utf8')
      expect(log.match(/"event":"reloaded"/g)).toHaveLength(2)
    })
    expect((await pop3(dev.ready['pop3'], 'USER anna', 'PASS secret'))[2]).toMatch(/^\+OK/)
  })

  test('is alone on its data', async () => {
    const second = await cli('dev')
    expect(second).toMatchObject({ code: 4, stdout: '' })
    expect(second.stderr).toBe(
      `restante: Already running on ${join(folder, 'store')} (process ${dev.pid}).\n`,
    )
  })

  test('a port that is taken: exit 1, which one, and how to choose another', async () => {
    const taken = await run(folder, ['dev', '--pop3', String(dev.ready['pop3']), '--json'])
    expect(taken).toMatchObject({ code: 1, stdout: '' })
    expect(taken.stderr).toContain(
      `127.0.0.1:${dev.ready['pop3']} is in use by another program. Choose another port: --pop3 PORT\n`,
    )
  })

  test('ends cleanly on SIGTERM; the data stays, word of it does not', async () => {
    expect(await dev.stop()).toBe(0)
    expect(existsSync(join(folder, 'store', 'index.db'))).toBe(true)
    expect(existsSync(join(folder, 'store', 'instance.json'))).toBe(false)
    expect(existsSync(join(folder, 'pid'))).toBe(false)
    expect(await cli('send-test', 'anna@acme.example')).toMatchObject({ code: 3 })
  })
})

describe('once', () => {
  let folder: string
  const standing: { stop(): Promise<number | null> }[] = []
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'restante-once-test-'))
  })
  afterEach(async () => {
    for (const each of standing.splice(0)) await each.stop()
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('dev without --data leaves nothing behind; listeners can be off', async () => {
    const dev = await stand(folder, ['dev', '--pop3s', 'off', '--lmtp', '0', '--filter', 'off'])
    standing.push(dev)
    expect(dev.ready).toMatchObject({ pop3s: 'off', lmtp: expect.any(Number), pop3: expect.any(Number) })
    const temporary = String(dev.ready['data'])
    expect(existsSync(join(temporary, 'index.db'))).toBe(true)
    expect((await pop3(dev.ready['pop3'], 'USER anna', 'PASS secret'))[2]).toMatch(/^\+OK/)
    expect(await dev.stop()).toBe(0)
    expect(existsSync(temporary)).toBe(false)
  })

  test('throttle: who guessed too often is shown, and let in again', async () => {
    const data = ['--data', join(folder, 'throttled')]
    expect(await run(folder, ['throttle', 'list', ...data])).toMatchObject({ code: 3 })
    const dev = await stand(folder, ['dev', ...data, '--account', 'anna@acme.example:secret'])
    standing.push(dev)
    const cli = (...line: string[]) => run(folder, ['throttle', ...line, ...data])
    expect(await cli('list')).toMatchObject({ code: 0, stdout: 'Nobody has to wait.\n', stderr: '' })
    // Waits begin short and double: guess on until one lasts long enough to be seen.
    let listed = ''
    for (let i = 0; !listed.includes('anna'); i++) {
      await pop3(dev.ready['pop3'], 'USER anna', `PASS wrong ${i}`)
      if (i >= 5) listed = (await cli('list')).stdout
    }
    expect(listed).toMatch(
      /^ +Client +Account +Wrong +Until +At\n +127\.0\.0\.1 +anna@acme\.example +\d+ .* pop3d\n$/,
    )
    expect(await cli('clear', 'ben@acme.example')).toMatchObject({ stdout: 'Forgot 0 entries.\n' })
    expect(await cli('clear', 'ANNA@acme.example')).toMatchObject({ code: 0, stdout: 'Forgot 1 entry.\n' })
    expect((await pop3(dev.ready['pop3'], 'USER anna', 'PASS secret'))[2]).toMatch(/^\+OK/)
    expect(await cli('clear', 'anna')).toMatchObject({ code: 2 })
    expect(await cli('list', 'anna@acme.example')).toMatchObject({ code: 2 })
    expect(await cli('clear', '127.0.0.1', '--json')).toMatchObject({ code: 0 })
  })

  test('serve: the first run writes settings and shows an account; the second run shows none', async () => {
    const home = join(folder, 'home')
    await run(folder, ['help'])
    const { mkdirSync } = await import('node:fs')
    mkdirSync(home)
    // Ports of the first settings are fixed: other tests may run beside this one, so it gets settings of its own.
    const settings =
      'domains: [acme.example]\nlisten: { smtp: { port: 0 }, pop3: { port: 0 }, pop3s: { port: 0 } }\n'
    writeFileSync(join(home, 'own.yaml'), settings)
    const first = await show(home, ['serve', '--config', 'own.yaml'], /curl/)
    standing.push(first)
    const [, password] =
      /Account +me@acme\.example +password (\S+) +\(shown only this once\)/.exec(first.text) ?? []
    expect(password).toMatch(/^\S{12}$/)
    expect(first.text).toMatch(
      /^● Restante is ready\. {2}\(Ctrl-C stops it\)\n\n {2}SMTP +127\.0\.0\.1:\d+ +mail in/,
    )
    expect(first.text).toContain(`Settings  ${join(home, 'own.yaml')}`)
    const [, port] = /POP3 +127\.0\.0\.1:(\d+)/.exec(first.text) ?? []
    expect((await pop3(Number(port), 'USER me', `PASS ${password}`))[2]).toMatch(/^\+OK/)
    for (const line of first.text.split('\n').filter((each) => !each.includes('curl')))
      expect([...line].length).toBeLessThanOrEqual(100 + home.length)
    expect(await first.stop()).toBe(0)

    const second = await show(home, ['serve', '--config', 'own.yaml'], /send-test/)
    standing.push(second)
    expect(second.text).not.toMatch(/password|me@acme/)
    expect(await second.stop()).toBe(0)
  })

  test('serve in an empty folder writes settings that check, and says where; a taken port names the setting', async () => {
    const home = mkdtempSync(join(folder, 'empty-'))
    // Whoever holds the port already does as well.
    const other = createServer()
    other.on('error', () => {})
    other.listen(2525, '127.0.0.1')
    await Promise.race([once(other, 'listening'), once(other, 'error')])
    const served = await run(home, ['serve'])
    other.close()
    expect(served).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^me@localhost\.example {2}\S{12}\n$/),
    })
    expect(served.stderr).toContain(
      `127.0.0.1:2525 is in use by another program. Choose another port: listen.smtp.port (${join(home, 'restante.yaml')})\n`,
    )
    expect(await run(home, ['config', 'check'])).toMatchObject({
      code: 0,
      stdout: 'restante.yaml is fine.\n',
    })
    const accounts = await run(home, ['account', 'list', '--json'])
    expect(JSON.parse(accounts.stdout)).toMatchObject({ address: 'me@localhost.example' })
  })
})
