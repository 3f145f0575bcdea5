import { execFile, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { startBench } from './harness.ts'
import { AUTH } from './replay.ts'

const run = promisify(execFile)
const required = process.env['RESTANTE_PEERS'] === 'required'
const folder = mkdtempSync(join(tmpdir(), 'smtp-peers-'))
afterAll(() => rmSync(folder, { recursive: true }))

function absent(program: string): boolean {
  return !required && spawnSync(program, ['--version']).error !== undefined
}

/** The nodemailer that smtp-server itself brings: one less version to pin. */
interface Nodemailer {
  createTransport(options: object): { sendMail(mail: object): Promise<{ response: string }>; close(): void }
}
const nodemailer = createRequire(createRequire(import.meta.url).resolve('smtp-server'))(
  'nodemailer',
) as Nodemailer

describe.skipIf(absent('swaks'))('swaks (skipped where it is not installed)', () => {
  test.each([
    ['plain', []],
    ['pipelined', ['--pipeline']],
    ['HELO', ['--protocol', 'SMTP']],
    ['with login', ['--auth', 'PLAIN', '--auth-user', 'anna', '--auth-password', 'secret']],
    ['with LOGIN', ['--auth', 'LOGIN', '--auth-user', 'anna', '--auth-password', 'secret']],
  ])('%s', async (_name, more) => {
    await using bench = await startBench({ auth: AUTH, authWithoutTls: 'loopback' })
    const about = ['--server', `127.0.0.1:${bench.port}`, '--from', 'a@b.test', '--to', 'c@d.test,e@d.test']
    await run('swaks', [...about, '--ehlo', 'swaks.test', '--body', '.starts with a dot', ...more])
    expect(bench.taken).toHaveLength(1)
    expect(bench.taken[0]?.envelope.recipients).toHaveLength(2)
    expect(bench.taken[0]?.body).toContain('\r\n.starts with a dot\r\n')
  })

  test('LMTP', async () => {
    await using bench = await startBench({ mode: 'lmtp' })
    const about = ['--server', `127.0.0.1:${bench.port}`, '--from', 'a@b.test', '--to', 'c@d.test,e@d.test']
    await run('swaks', [...about, '--protocol', 'LMTP', '--lhlo', 'swaks.test'])
    expect(bench.taken).toHaveLength(1)
  })
})

describe.skipIf(absent('curl'))('curl (skipped where it is not installed)', () => {
  test.each([
    ['in the clear', 'smtp', {}, []],
    ['with STARTTLS', 'smtp', {}, ['--ssl-reqd', '-k']],
    ['with TLS from the start', 'smtps', { implicitTls: true }, ['-k']],
    ['with login inside TLS', 'smtp', { auth: AUTH }, ['--ssl-reqd', '-k', '--user', 'anna:secret']],
  ] as const)('%s, to the octet', async (_name, scheme, options, more) => {
    await using bench = await startBench(options)
    const message = `Subject: x\r\n\r\n${'.\r\n..\r\n.x\r\n'.repeat(1_000)}${randomBytes(300_000).toString('base64')}\r\n`
    const file = join(folder, `${bench.port}.eml`)
    writeFileSync(file, message)
    const about = ['--url', `${scheme}://127.0.0.1:${bench.port}/curl.test`, '--mail-from', 'a@b.test']
    await run('curl', [...about, '--mail-rcpt', 'c@d.test', '-T', file, '-s', '-S', '--fail', ...more])
    expect(bench.taken).toHaveLength(1)
    expect(bench.taken[0]?.body).toBe(message)
  })
})

describe('nodemailer', () => {
  test('sends through a pool, with TLS and login', async () => {
    await using bench = await startBench({ mode: 'submission', auth: AUTH })
    const transport = nodemailer.createTransport({
      host: '127.0.0.1',
      port: bench.port,
      requireTLS: true,
      tls: { rejectUnauthorized: false },
      auth: { user: 'anna', pass: 'secret' },
      pool: true,
      maxConnections: 2,
    })
    const mails = Array.from({ length: 20 }, (_, index) =>
      transport.sendMail({
        from: 'a@b.test',
        to: 'c@d.test',
        subject: `${index}`,
        text: '.\n..\nщ',
        attachments: [{ filename: 'x', content: randomBytes(50_000) }],
      }),
    )
    for (const { response } of await Promise.all(mails)) expect(response).toMatch(/^250 2\.0\.0 Stored as /)
    transport.close()
    expect(bench.taken).toHaveLength(20)
    expect(bench.taken[0]?.envelope).toMatchObject({
      protocol: 'ESMTPSA',
      authenticatedAs: 'anna@acme.example',
    })
  })

  test('speaks SMTPUTF8 and DSN', async () => {
    await using bench = await startBench({ dsn: true })
    const transport = nodemailer.createTransport({ host: '127.0.0.1', port: bench.port, ignoreTLS: true })
    await transport.sendMail({
      from: 'a@b.test',
      to: 'почта@пример.test',
      text: 'x',
      dsn: { id: 'id=1 x', return: 'headers', notify: ['failure', 'delay'], recipient: 'c@d.test' },
    })
    expect(bench.taken[0]?.parameters).toMatchObject({ smtputf8: true, ret: 'HDRS', envid: 'id=1 x' })
    expect(bench.taken[0]?.recipientParameters).toEqual([
      { notify: ['FAILURE', 'DELAY'], orcpt: { type: 'rfc822', address: 'c@d.test' } },
    ])
  })

  test('hears refusals', async () => {
    await using bench = await startBench()
    const transport = nodemailer.createTransport({ host: '127.0.0.1', port: bench.port, ignoreTLS: true })
    const mail = { from: 'a@b.test', to: 'nobody@d.test', text: 'x' }
    await expect(transport.sendMail(mail)).rejects.toMatchObject({ responseCode: 550 })
  })
})
