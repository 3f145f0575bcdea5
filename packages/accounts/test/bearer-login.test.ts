import { memoryStore } from '@restante/maildrop'
import { expect, test } from 'vitest'
import {
  type BearerOptions,
  createBearerAuthenticator,
  deviceCredentials,
  generateDevicePassword,
  IssuerError,
  type LoginEvent,
  type TokenOutcome,
} from '../src/index.ts'

const outcomes: Record<string, TokenOutcome> = {
  anna: { claims: { email: 'Anna@ACME.example', email_verified: true, sub: 'anna' } },
  bert: { claims: { email: 'bert@acme.example' } },
  unverified: { claims: { email: 'anna@acme.example', email_verified: false } },
  folder: { claims: { email: 'anna@acme.example/quarantine' } },
  nobody: { claims: { email: 'nobody@acme.example' } },
  empty: { claims: { email: '' } },
  list: { claims: { email: ['anna@acme.example'] } },
  narrow: { refused: 'insufficient-scope' },
}

async function doors(options: Partial<BearerOptions> = {}) {
  const { directory } = memoryStore()
  const anna = await directory.addAccount('anna@acme.example')
  await directory.addAccount('bert@acme.example')
  if (anna === null) throw new Error('no account')
  await directory.setCredentials(anna.id, 'phone', await deviceCredentials(generateDevicePassword()))
  const events: LoginEvent[] = []
  const asked: string[] = []
  const clock = { nowMs: 1_000_000 }
  const made = createBearerAuthenticator({
    directory,
    verifier: {
      async verify(token) {
        asked.push(token)
        if (token === 'down') throw new IssuerError('nobody at home')
        return outcomes[token] ?? { refused: 'inactive' }
      },
    },
    issuer: 'https://id.example/',
    scope: null,
    accountClaim: 'email',
    now: () => clock.nowMs,
    defaultDomain: 'acme.example',
    onLogin: (event) => events.push(event),
    ...options,
  })
  const login = (name: string, token: string, more: { remote?: string; signal?: AbortSignal } = {}) =>
    made.login({ mechanism: 'OAUTHBEARER', service: 'pop3', remote: '192.0.2.1', name, token, ...more })
  return { anna, login, events, asked, clock, made }
}

test.each([
  ['', 'inbox', 'classic', ''],
  ['anna', 'inbox', 'classic', ''],
  ['ANNA@acme.example/quarantine', 'quarantine', 'classic', ''],
  ['recent:anna@acme.example', 'inbox', 'recent', ''],
  ['anna@acme.example+device=phone', 'inbox', 'device:phone', 'phone'],
])('with her token, %j opens %s as %s', async (name, folder, view, device) => {
  const { login, anna, events } = await doors()
  expect(await login(name, 'anna')).toMatchObject({
    ok: { account: { address: 'anna@acme.example' }, device, key: { account: anna.id, folder, view } },
  })
  expect(events).toMatchObject([{ address: 'anna@acme.example', outcome: 'ok', detail: 'token' }])
})

test.each([
  ['somebody else’s token', 'anna', 'bert', 'other-account'],
  ['an address nobody vouches for', '', 'unverified', 'unverified-email'],
  ['a claim that is no address', '', 'folder', 'unknown-account'],
  ['a claim of an unknown account', '', 'nobody', 'unknown-account'],
  ['no claim', '', 'empty', 'no-account-claim'],
  ['several claims', '', 'list', 'no-account-claim'],
  ['a device that is not there', 'anna+device=watch', 'anna', 'unknown-device'],
  ['a token that does not do', 'anna', 'stale', 'inactive'],
  ['a name that is none', 'anna/..', 'anna', 'bad-name'],
])('%s is refused, and the client is told where tokens come from', async (_, name, token, detail) => {
  const { login } = await doors()
  const outcome = await login(name, token)
  expect(outcome).toMatchObject({ failed: 'auth', detail })
  expect(JSON.parse(outcome.challenge ?? '')).toEqual({
    status: 'invalid_token',
    schemes: 'bearer',
    'openid-configuration': 'https://id.example/.well-known/openid-configuration',
  })
})

test('a token that allows too little says what is needed, in ASCII', async () => {
  const { login } = await doors({ scope: 'pošta' })
  const { challenge = '' } = await login('anna', 'narrow')
  expect(challenge).toMatch(/^[ -~]+$/)
  expect(JSON.parse(challenge)).toMatchObject({ status: 'insufficient_scope', scope: 'pošta' })
})

test('the claim may be another one, completed by the default domain', async () => {
  const { login } = await doors({ accountClaim: 'sub' })
  expect(await login('', 'anna')).toMatchObject({ ok: { account: { address: 'anna@acme.example' } } })
  const without = await doors({ accountClaim: 'sub', defaultDomain: null })
  expect(await without.login('', 'anna')).toMatchObject({ failed: 'auth', detail: 'no-account-claim' })
})

test('an outage is no wrong token: nothing is held against anybody', async () => {
  const { login, made } = await doors()
  for (let i = 0; i < 10; i++)
    expect(await login('anna', 'down')).toMatchObject({ failed: 'unavailable', detail: 'issuer' })
  expect(made.throttle.list()).toEqual([])
  expect(await login('anna', 'anna')).toHaveProperty('ok')
})

test('the same stale token is asked about once a minute; different ones are guesses', async () => {
  const { login, asked, clock } = await doors()
  for (let i = 0; i < 20; i++) expect(await login('anna', 'stale')).toMatchObject({ failed: 'auth' })
  expect(asked).toEqual(['stale'])
  clock.nowMs += 60_000
  await login('anna', 'stale')
  expect(asked).toEqual(['stale', 'stale'])
  for (let i = 0; i < 4; i++) await login('anna', `guess ${i}`)
  expect(await login('anna', 'anna')).toMatchObject({ failed: 'throttled' })
  expect(await login('anna', 'anna', { remote: '192.0.2.2' })).toHaveProperty('ok')
  const free = await doors({ limits: 'off' })
  for (let i = 0; i < 10; i++) await free.login('anna', `guess ${i}`)
  expect(await free.login('anna', 'anna')).toHaveProperty('ok')
})

test('nobody waits any more: cancelled', async () => {
  const { login } = await doors({ verifier: { verify: () => new Promise(() => {}) } })
  const controller = new AbortController()
  const waiting = login('anna', 'anna', { signal: controller.signal })
  controller.abort()
  expect(await waiting).toMatchObject({ failed: 'cancelled' })
  expect(await login('anna', 'anna', { signal: controller.signal })).toMatchObject({ failed: 'cancelled' })
})
