import { createSign, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { requirePeer, runPeer } from '@restante/peers'
import type { OAuthConfig } from '@restante/runtime'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MESSAGE, type RunningPop3d, runPop3d } from './running-pop3d.ts'

const curl = requirePeer('curl')
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** An issuer on loopback: knows the token `annas-token`, and shows the key that signs JWTs. */
const issuer = createServer((request, response) => {
  if (down) return void response.writeHead(500).end()
  const body: Buffer[] = []
  request.on('data', (chunk: Buffer) => body.push(chunk))
  request.on('end', () => {
    const token = new URLSearchParams(Buffer.concat(body).toString()).get('token')
    response.end(
      JSON.stringify(
        request.url === '/keys'
          ? { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k' }] }
          : token === 'annas-token'
            ? { active: true, email: 'anna@acme.example', scope: 'mail' }
            : { active: false },
      ),
    )
  })
})
let down = false
let url: string
let pop3d: RunningPop3d | null

beforeEach(async () => {
  down = false
  pop3d = null
  issuer.listen(0, '127.0.0.1')
  await once(issuer, 'listening')
  url = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`
})
afterEach(async () => {
  await pop3d?.[Symbol.asyncDispose]()
  issuer.closeAllConnections()
  issuer.close()
  await once(issuer, 'close')
})

const start = async (changed: Partial<OAuthConfig> = {}) => {
  pop3d = await runPop3d({
    auth: {
      oauth: {
        issuer: url,
        introspection: { url: `${url}/introspect`, clientId: 'restante', clientSecret: 'hush' },
        jwks: null,
        audience: null,
        scope: null,
        accountClaim: 'email',
        clockSkewMs: 60_000,
        timeoutMs: 2_000,
        ...changed,
      },
    },
  })
  return pop3d
}
const bearer = (name: string, token: string) =>
  Buffer.from(`n,${name === '' ? '' : `a=${name}`},\x01auth=Bearer ${token}\x01\x01`).toString('base64')
const google = (name: string, token: string) =>
  Buffer.from(`user=${name}\x01auth=Bearer ${token}\x01\x01`).toString('base64')
const jwt = (more: object = {}) => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { iss: url, aud: 'mail', exp: Date.now() / 1000 + 60, sub: 'anna', ...more }
  const signed = `${part({ alg: 'ES256', kid: 'k' })}.${part(claims)}`
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const
  return `${signed}.${createSign('sha256').update(signed).sign(key, 'base64url')}`
}

test('the mechanisms are there with an issuer, and only then', async () => {
  const { talk } = await start()
  expect(await talk('CAPA', 'QUIT')).toContain('SASL PLAIN LOGIN OAUTHBEARER XOAUTH2')
  await pop3d?.[Symbol.asyncDispose]()
  pop3d = await runPop3d()
  expect(await pop3d.talk('CAPA', 'QUIT')).toContain('SASL PLAIN LOGIN')
  expect((await pop3d.talk(`AUTH OAUTHBEARER ${bearer('anna', 'annas-token')}`, 'QUIT'))[1]).toMatch(/^-ERR/)
})

test.each([
  ['OAUTHBEARER', () => bearer('anna@acme.example', 'annas-token')],
  ['OAUTHBEARER', () => bearer('', 'annas-token')],
  ['XOAUTH2', () => google('anna@acme.example/quarantine', 'annas-token')],
])('%s lets Anna in', async (mechanism, response) => {
  const { talk, logged } = await start({ scope: 'mail' })
  const replies = await talk(`AUTH ${mechanism} ${response()}`, 'STAT', 'QUIT')
  expect(replies[2]).toBe(`+OK 1 ${MESSAGE.length}`)
  expect(logged.find(([event]) => event === 'login')?.[1]).toMatchObject({ mechanism, detail: 'token' })
  expect(JSON.stringify(logged)).not.toContain('annas-token')
})

test('a wrong token: the client is told why, answers, and then the login has failed', async () => {
  const { talk } = await start()
  const replies = await talk(`AUTH OAUTHBEARER ${bearer('anna', 'stale')}`, 'AQ==', 'NOOP', 'QUIT')
  expect(JSON.parse(Buffer.from((replies[1] as string).slice(2), 'base64').toString())).toMatchObject({
    status: 'invalid_token',
    'openid-configuration': `${url}/.well-known/openid-configuration`,
  })
  expect(replies[2]).toMatch(/^-ERR \[AUTH\] /)
})

test('an issuer that is away: [SYS/TEMP], in the log, and passwords still do', async () => {
  const { talk, logged } = await start()
  down = true
  const refused = await talk(`AUTH OAUTHBEARER ${bearer('anna', 'annas-token')}`, 'QUIT')
  expect(refused[1]).toMatch(/^-ERR \[SYS\/TEMP\] /)
  expect(logged.find(([event]) => event === 'login-outage')?.[1]).toMatchObject({
    code: 'issuer-unavailable',
  })
  expect((await talk('USER anna', 'PASS correct horse', 'STAT', 'QUIT'))[3]).toMatch(/^\+OK 1 /)
})

test('tokens that are JWTs', async () => {
  const { talk, reload } = await start({
    introspection: null,
    jwks: { url: `${url}/keys` },
    audience: 'mail',
    accountClaim: 'sub',
  })
  expect((await talk(`AUTH XOAUTH2 ${google('anna', jwt())}`, 'STAT', 'QUIT'))[2]).toMatch(/^\+OK 1 /)
  const other = await talk(`AUTH OAUTHBEARER ${bearer('', jwt({ aud: 'web' }))}`, 'AQ==', 'QUIT')
  expect(other[2]).toMatch(/^-ERR \[AUTH\] /)
  expect(await reload({ auth: { oauth: null } })).toContain('auth')
})

test.runIf(!curl.missing)(`curl --oauth2-bearer fetches over TLS${curl.note}`, async () => {
  const { ports } = await start()
  const fetched = async (token: string, login: string) =>
    runPeer('curl', [
      '-qsSk',
      '--user',
      login,
      '--oauth2-bearer',
      token,
      `pop3s://127.0.0.1:${ports['pop3s']}/1`,
    ])
  const got = await fetched('annas-token', 'anna@acme.example')
  expect({ exitCode: got.exitCode, text: got.text }).toEqual({ exitCode: 0, text: MESSAGE })
  // 67: the login was refused.
  expect((await fetched('stale', 'anna@acme.example')).exitCode).toBe(67)
  expect((await fetched('annas-token', 'bert@acme.example')).exitCode).toBe(67)
})
