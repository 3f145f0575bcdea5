import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { MechanismName, Pop3ServerOptions } from '../src/index.ts'
import { localhost, start } from './start.ts'

function has(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Runs a peer where it is present; absent is a skip, or a failure where peers are required. */
function peerTest(program: string, name: string, run: () => Promise<void>): void {
  const present = has(program)
  if (present) test(name, run)
  else if (process.env['RESTANTE_PEERS'] === 'required') {
    test(name, () => expect.fail(`${program} is not installed`))
  } else test.runIf(false)(`${name} (${program} is not installed)`, run)
}

function run(program: string, args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(
      program,
      [...args],
      { encoding: 'latin1', timeout: 15_000, env: { ...process.env, LC_ALL: 'C' } },
      (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err })
      },
    )
  })
}

const curl = (...args: string[]) =>
  run('curl', ['--silent', '--show-error', '--insecure', '--max-time', '10', ...args])

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'restante-pop3-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const tokens: Partial<Pop3ServerOptions<string>> = {
  mechanisms: ['PLAIN', 'LOGIN', 'OAUTHBEARER', 'XOAUTH2'] as Exclude<
    MechanismName,
    'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS'
  >[],
  authenticate: (request) =>
    ('password' in request && request.password === 'secret') ||
    ('token' in request && request.token === 'tok-1')
      ? { maildrop: request.name }
      : null,
}

describe('curl', () => {
  peerTest('curl', 'lists and retrieves', async () => {
    const { port } = await start()
    const url = `pop3://anna:secret@127.0.0.1:${port}`
    expect((await curl(`${url}/`)).out).toBe('1 23\r\n2 29\r\n')
    expect((await curl(`${url}/2`)).out).toBe('Subject: two\r\n\r\n.second\r\n..\r\n')
    expect((await curl('-l', `${url}/`)).out).toBe('1 23\r\n2 29\r\n')
    expect((await curl('--request', 'UIDL', `${url}/`)).out).toMatch(/^1 id-\d+\r\n2 id-\d+\r\n/)
    expect((await curl('--request', 'TOP 1 0', `${url}/`)).out).toContain('Subject: one\r\n')
  })

  peerTest('curl', 'STLS required, implicit TLS, a wrong password', async () => {
    const { port, tlsPort } = await start({ allowPlainLogin: 'never' })
    expect((await curl('--ssl-reqd', `pop3://anna:secret@127.0.0.1:${port}/1`)).out).toBe(
      'Subject: one\r\n\r\nfirst\r\n',
    )
    expect((await curl(`pop3s://anna:secret@127.0.0.1:${tlsPort}/1`)).out).toBe(
      'Subject: one\r\n\r\nfirst\r\n',
    )
    expect((await curl(`pop3s://anna:wrong@127.0.0.1:${tlsPort}/1`)).code).toBe(67)
    expect((await curl(`pop3://anna:secret@127.0.0.1:${port}/1`)).code).not.toBe(0)
  })

  for (const options of [
    ['--login-options', 'AUTH=PLAIN'],
    ['--login-options', 'AUTH=PLAIN', '--sasl-ir'],
    ['--login-options', 'AUTH=LOGIN'],
    ['--login-options', 'AUTH=LOGIN', '--sasl-ir'],
    ['--oauth2-bearer', 'tok-1', '--login-options', 'AUTH=OAUTHBEARER'],
    ['--oauth2-bearer', 'tok-1', '--login-options', 'AUTH=XOAUTH2', '--sasl-ir'],
  ]) {
    peerTest('curl', `logs in with ${options.join(' ')}`, async () => {
      const only = options.includes('AUTH=XOAUTH2') ? { mechanisms: ['XOAUTH2' as const] } : {}
      const { tlsPort, events } = await start({ ...tokens, ...only })
      const { out, err } = await curl(...options, '--user', 'anna:secret', `pop3s://127.0.0.1:${tlsPort}/1`)
      expect(err).toBe('')
      expect(out).toBe('Subject: one\r\n\r\nfirst\r\n')
      const mechanism = options.find((option) => option.startsWith('AUTH='))?.slice(5)
      expect(events.find((event) => event.type === 'login')).toMatchObject({ mechanism })
    })
  }

  peerTest('curl', 'is told why a token is refused', async () => {
    const { tlsPort } = await start(tokens)
    const { code } = await curl('--oauth2-bearer', 'bad', '--user', 'anna', `pop3s://127.0.0.1:${tlsPort}/1`)
    expect(code).toBe(67)
  })
})

describe('fetchmail', () => {
  for (const secured of [false, true]) {
    peerTest(
      'fetchmail',
      `collects by UIDL${secured ? ' over STLS' : ''} and deletes what it has`,
      async () => {
        const { port, store, event } = await start({ allowPlainLogin: secured ? 'never' : 'loopback' })
        store.add(
          'anna',
          'From: a@b.example\r\nTo: anna@b.example\r\nSubject: three\r\n\r\n.dot\r\n..dots\r\n',
        )
        const path = folder()
        const certificate = join(path, 'ca.pem')
        writeFileSync(certificate, localhost.cert)
        const rc = join(path, 'fetchmailrc')
        const ssl = secured ? `sslproto TLS1.2+ sslcertck sslcertfile ${certificate}` : 'sslproto ""'
        writeFileSync(
          rc,
          `poll localhost service ${port} protocol POP3 uidl
         user anna password secret ${ssl} nokeep
         mda "cat >> ${path}/inbox"\n`,
        )
        chmodSync(rc, 0o600)
        const { code, err, out } = await run('fetchmail', [
          '-f',
          rc,
          '-i',
          join(path, 'ids'),
          '--pidfile',
          join(path, 'pid'),
          '--nosyslog',
        ])
        expect(`${code} ${err}`, out).toMatch(/^0 /)
        expect(readFileSync(join(path, 'inbox'), 'latin1')).toContain('\n.dot\n..dots\n')
        expect((await event('session-end')).deleted).toBe(3)
        expect(store.drops.get('anna')).toEqual([])
      },
    )
  }
})
