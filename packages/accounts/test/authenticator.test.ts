import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { type Account, type Directory, memoryStore, StoreError } from '@restante/maildrop'
import { beforeAll, expect, test, vi } from 'vitest'
import {
  type Authenticator,
  type AuthenticatorOptions,
  accountCredentials,
  createAuthenticator,
  createHashGate,
  deviceCredentials,
  generateDevicePassword,
  type HashGate,
  type LoginEvent,
  type LoginOutcome,
  type NewCredential,
  type ScramVerifier,
} from '../src/index.ts'

const PASSWORD = ' correct horse '
const DEVICE = generateDevicePassword()
let kept: { readonly account: readonly NewCredential[]; readonly device: readonly NewCredential[] }

beforeAll(async () => {
  kept = {
    account: await accountCredentials(PASSWORD, { scram: true }),
    device: await deviceCredentials(DEVICE),
  }
})

/** A gate that counts the hashes that went through. */
function countingGate(): HashGate & { readonly count: () => number } {
  const gate = createHashGate({ running: 2, waiting: 64 })
  let count = 0
  return {
    count: () => count,
    get running() {
      return gate.running
    },
    get waiting() {
      return gate.waiting
    },
    run(task, turn) {
      count++
      return gate.run(task, turn)
    },
  }
}

interface House {
  readonly directory: Directory
  readonly anna: Account
  readonly gate: ReturnType<typeof countingGate>
  readonly clock: { nowMs: number }
  readonly events: LoginEvent[]
  readonly doors: Authenticator
}

/** Anna with an account password and a phone, and an authenticator in front. */
async function house(options: Partial<AuthenticatorOptions> = {}): Promise<House> {
  const { directory } = memoryStore()
  const anna = (await directory.addAccount('anna@acme.example')) as Account
  await directory.setCredentials(anna.id, '', kept.account)
  await directory.setCredentials(anna.id, 'phone', kept.device)
  const gate = countingGate()
  const clock = { nowMs: 1_000_000 }
  const events: LoginEvent[] = []
  const doors = createAuthenticator({
    directory,
    now: () => clock.nowMs,
    defaultDomain: 'acme.example',
    gate,
    onLogin: (event) => events.push(event),
    ...options,
  })
  return { directory, anna, gate, clock, events, doors }
}

function knock(
  { doors }: House,
  name: string,
  secret: string | Uint8Array,
  more: { readonly remote?: string; readonly signal?: AbortSignal } = {},
): Promise<LoginOutcome> {
  return doors.login({ mechanism: 'PLAIN', service: 'pop3', remote: '192.0.2.1', name, secret, ...more })
}

/** `view/folder` or the failure. */
function brief(outcome: LoginOutcome): string {
  return 'ok' in outcome ? `${outcome.ok.key.view}/${outcome.ok.key.folder}` : outcome.failed
}

test.each([
  ['anna', PASSWORD, 'classic/inbox'],
  ['ANNA@acme.EXAMPLE', PASSWORD, 'classic/inbox'],
  ['anna', () => DEVICE, 'device:phone/inbox'],
  ['anna/quarantine', PASSWORD, 'classic/quarantine'],
  ['anna/quarantine', () => DEVICE, 'device:phone/quarantine'],
  ['recent:anna', PASSWORD, 'recent/inbox'],
  ['recent:anna', () => DEVICE, 'recent/inbox'],
  ['anna+device=phone', () => DEVICE, 'device:phone/inbox'],
  ['anna', Buffer.from(PASSWORD), 'classic/inbox'],
  ['anna+device=phone', PASSWORD, 'auth'],
  ['anna+device=laptop', () => DEVICE, 'auth'],
  ['anna', PASSWORD.trim(), 'auth'],
  ['anna', `${PASSWORD}\u0000junk`, 'auth'],
  ['anna', '', 'auth'],
  ['anna', 'x'.repeat(5000), 'auth'],
  ['anna', () => DEVICE.toUpperCase(), 'auth'],
  ['nobody', PASSWORD, 'auth'],
  ['anna@elsewhere.example', PASSWORD, 'auth'],
  ['not a name', PASSWORD, 'auth'],
  ['', PASSWORD, 'auth'],
])('%s with %s -> %s', async (name, secret, expected) => {
  const given = typeof secret === 'function' ? secret() : secret
  expect(brief(await knock(await house(), name, given))).toBe(expected)
})

test('who is told what: account, device, generation, and a word for the log', async () => {
  const here = await house()
  const outcome = await knock(here, 'anna', DEVICE)
  expect(outcome).toEqual({
    ok: {
      account: await here.directory.account(here.anna.id),
      device: 'phone',
      key: { account: here.anna.id, folder: 'inbox', view: 'device:phone' },
    },
  })
  await knock(here, 'anna', 'wrong')
  await knock(here, 'nobody', 'wrong')
  await knock(here, '', 'wrong')
  expect(here.events.map(({ address, outcome: word, detail }) => [address, word, detail])).toEqual([
    ['anna@acme.example', 'ok', 'device'],
    ['anna@acme.example', 'auth', 'wrong-secret'],
    ['nobody@acme.example', 'auth', 'unknown-account'],
    [null, 'auth', 'bad-name'],
  ])
})

test.each(['anna', 'nobody', 'anna+device=laptop', 'no name at all'])(
  'a wrong secret for %s costs one slow hash',
  async (name) => {
    const here = await house()
    await knock(here, name, 'wrong')
    expect(here.gate.count()).toBe(1)
  },
)

test('a generated device password costs no slow hash, a polling account password one', async () => {
  const here = await house()
  await knock(here, 'anna', DEVICE)
  expect(here.gate.count()).toBe(0)
  for (let i = 0; i < 5; i++) expect(brief(await knock(here, 'anna', PASSWORD))).toBe('classic/inbox')
  expect(brief(await knock(here, 'recent:anna/lists', PASSWORD))).toBe('recent/lists')
  expect(here.gate.count()).toBe(1)
})

test('a verified login is trusted for its time and no longer', async () => {
  const here = await house({ cacheTtlMs: 1000 })
  await knock(here, 'anna', PASSWORD)
  here.clock.nowMs += 999
  await knock(here, 'anna', PASSWORD)
  expect(here.gate.count()).toBe(1)
  here.clock.nowMs += 1
  expect(brief(await knock(here, 'anna', PASSWORD))).toBe('classic/inbox')
  expect(here.gate.count()).toBe(2)
})

test('without a cache every login pays', async () => {
  const here = await house({ cacheTtlMs: 0 })
  await knock(here, 'anna', PASSWORD)
  await knock(here, 'anna', PASSWORD)
  expect(here.gate.count()).toBe(2)
})

test('the cache forgets its oldest login when full', async () => {
  const here = await house({ cacheEntries: 1 })
  const ben = (await here.directory.addAccount('ben@acme.example')) as Account
  await here.directory.setCredentials(ben.id, '', kept.account)
  for (const name of ['anna', 'ben', 'anna'])
    expect(brief(await knock(here, name, PASSWORD))).toBe('classic/inbox')
  expect(here.gate.count()).toBe(3)
})

test('a changed password ends the old one at once and starts the new one', async () => {
  const here = await house()
  await knock(here, 'anna', PASSWORD)
  await knock(here, 'anna', 'the new one')
  await here.directory.setCredentials(here.anna.id, '', await accountCredentials('the new one'))
  expect(brief(await knock(here, 'anna', PASSWORD))).toBe('auth')
  expect(brief(await knock(here, 'anna', 'the new one'))).toBe('classic/inbox')
})

test('a removed device is out at once', async () => {
  const here = await house()
  await knock(here, 'anna', DEVICE)
  await here.directory.removeDevice(here.anna.id, 'phone')
  expect(brief(await knock(here, 'anna', DEVICE))).toBe('auth')
})

test('an erased account is out at once, and its successor starts anew', async () => {
  const here = await house()
  const add = (secret: readonly NewCredential[]) =>
    here.directory.addAccount(
      'ben@acme.example',
      secret.map((each) => ({ ...each, device: '' })),
    ) as Promise<Account>
  const first = await add(kept.account)
  expect(brief(await knock(here, 'ben', PASSWORD))).toBe('classic/inbox')
  expect(brief(await knock(here, 'ben', 'the new one'))).toBe('auth')
  await here.directory.eraseAccount(first.id)
  expect(brief(await knock(here, 'ben', PASSWORD))).toBe('auth')
  const second = await add(await accountCredentials('the new one'))
  expect(second.generation).toBe(first.generation)
  expect(brief(await knock(here, 'ben', PASSWORD))).toBe('auth')
  expect(brief(await knock(here, 'ben', 'the new one'))).toBe('classic/inbox')
})

test('equal logins side by side are checked once, others each', async () => {
  const here = await house()
  const same = await Promise.all(Array.from({ length: 20 }, () => knock(here, 'anna', PASSWORD)))
  expect(same.map(brief)).toEqual(Array.from({ length: 20 }, () => 'classic/inbox'))
  expect(here.gate.count()).toBe(1)
})

test('a credential under a scheme from elsewhere is checked by its own verifier', async () => {
  const here = await house({
    schemes: {
      reversed: async (verifier, secret) =>
        [...verifier].reverse().join('') === Buffer.from(secret).toString(),
    },
  })
  const old = (await here.directory.addAccount('old@acme.example', [
    { device: '', scheme: 'reversed', verifier: 'terces' },
    { device: 'x', scheme: 'unheard-of', verifier: 'secret' },
  ])) as Account
  expect(old.address).toBe('old@acme.example')
  expect(brief(await knock(here, 'old', 'secret'))).toBe('classic/inbox')
  expect(brief(await knock(here, 'old', 'wrong'))).toBe('auth')
})

test('an account that has only a SCRAM verifier can log in plainly too', async () => {
  const here = await house()
  const only = kept.account.filter((each) => each.scheme === 'scram-sha-256')
  await here.directory.setCredentials(here.anna.id, '', only)
  expect(brief(await knock(here, 'anna', PASSWORD))).toBe('classic/inbox')
  expect(here.gate.count()).toBe(1)
  expect(brief(await knock(here, 'anna', 'wrong'))).toBe('auth')
})

test.each(['accountByAddress', 'credentials'] as const)(
  'no answer from directory.%s is an outage, not a refusal',
  async (method) => {
    const broken = async (): Promise<never> => {
      throw new StoreError('io', 'no disk')
    }
    const { directory } = await house()
    const here = await house({ directory: { ...directory, [method]: broken } })
    for (let i = 0; i < 20; i++) expect(brief(await knock(here, 'anna', PASSWORD))).toBe('unavailable')
    const scram = await here.doors.scram({
      name: 'anna',
      mechanism: 'SCRAM-SHA-256',
      service: 'pop3',
      remote: 'x',
    })
    expect(scram).toMatchObject({ failed: 'unavailable' })
  },
)

test('a full line answers busy, counts as no guess, and passes', async () => {
  const gate = createHashGate({ running: 1, waiting: 0 })
  const here = await house({ gate })
  let release: () => void = () => {}
  const holding = gate.run(() => new Promise<void>((resolve) => (release = resolve)))
  for (let i = 0; i < 20; i++) expect(brief(await knock(here, 'anna', PASSWORD))).toBe('busy')
  release()
  await holding
  expect(brief(await knock(here, 'anna', PASSWORD))).toBe('classic/inbox')
})

test('a caller who hangs up leaves the line; another waiting for the same goes on', async () => {
  const gate = createHashGate({ running: 1, waiting: 8 })
  const here = await house({ gate })
  let release: () => void = () => {}
  const holding = gate.run(() => new Promise<void>((resolve) => (release = resolve)))
  const [one, two, three] = [new AbortController(), new AbortController(), new AbortController()]
  const first = knock(here, 'anna', PASSWORD, { signal: one.signal })
  const second = knock(here, 'anna', PASSWORD, { signal: two.signal })
  const alone = knock(here, 'anna', 'wrong', { signal: three.signal })
  await vi.waitFor(() => expect(gate.waiting).toBe(2))
  one.abort()
  three.abort()
  expect(brief(await first)).toBe('cancelled')
  expect(brief(await alone)).toBe('cancelled')
  expect(gate.waiting).toBe(1)
  release()
  await holding
  expect(brief(await second)).toBe('classic/inbox')
  expect(brief(await knock(here, 'anna', PASSWORD, { signal: one.signal }))).toBe('cancelled')
})

test('guesses at one account wait longer and longer; elsewhere the owner gets in', async () => {
  const here = await house({ limits: { forgiveMs: 1e9 } })
  const waits: number[] = []
  for (let i = 0; waits.length < 12; i++) {
    const outcome = await knock(here, 'anna', `guess ${i}`)
    if ('ok' in outcome) throw new Error('a guess was let in')
    if (outcome.failed === 'throttled') {
      waits.push((outcome.retryAfterMs as number) / 1000)
      here.clock.nowMs += outcome.retryAfterMs as number
    }
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900])
  expect(brief(await knock(here, 'anna', 'one more'))).toBe('auth')
  expect(brief(await knock(here, 'anna', PASSWORD))).toBe('throttled')
  expect(brief(await knock(here, 'anna', PASSWORD, { remote: '198.51.100.7' }))).toBe('classic/inbox')
  here.clock.nowMs += 900_000
  expect(brief(await knock(here, 'anna', PASSWORD))).toBe('classic/inbox')
  expect(brief(await knock(here, 'anna', 'slip of the finger'))).toBe('auth')
  expect(brief(await knock(here, 'anna', PASSWORD))).toBe('classic/inbox')
})

test('a client that goes on with an old password is not taken for a guesser', async () => {
  const here = await house()
  for (let i = 0; i < 50; i++) expect(brief(await knock(here, 'anna', 'last year'))).toBe('auth')
  expect(here.gate.count()).toBe(1)
  expect(brief(await knock(here, 'anna', PASSWORD))).toBe('classic/inbox')
})

test('guesses side by side do not slip past the throttle', async () => {
  const here = await house()
  const outcomes = await Promise.all(Array.from({ length: 200 }, (_, i) => knock(here, 'anna', `guess ${i}`)))
  expect(here.gate.count()).toBeLessThanOrEqual(6)
  expect(outcomes.filter((outcome) => brief(outcome) === 'throttled').length).toBeGreaterThanOrEqual(194)
})

test('an address that tries many accounts is slowed for all but those it proved itself for', async () => {
  const here = await house()
  expect(brief(await knock(here, 'anna', PASSWORD))).toBe('classic/inbox')
  for (let i = 0; i < 31; i++) await knock(here, `account${i}`, 'password1')
  expect(brief(await knock(here, 'account99', 'password1'))).toBe('throttled')
  expect(brief(await knock(here, 'anna', PASSWORD))).toBe('classic/inbox')
  expect(
    here.doors.throttle.list().map(({ remote, address, failures }) => [remote, address, failures]),
  ).toEqual([['192.0.2.1', null, 31]])
  expect(here.doors.throttle.clear({ remote: '192.0.2.1' })).toBeGreaterThan(0)
  expect(brief(await knock(here, 'account99', 'password1'))).toBe('auth')
})

test('with limits off nobody is slowed down', async () => {
  const here = await house({ limits: 'off' })
  for (let i = 0; i < 40; i++) expect(brief(await knock(here, 'anna', `guess ${i}`))).toBe('auth')
  expect(brief(await knock(here, 'anna', PASSWORD))).toBe('classic/inbox')
  expect(here.doors.throttle.list()).toEqual([])
})

/** A client's proof for a verifier, checked as the server does. */
function fits(verifier: ScramVerifier, password: string): boolean {
  const hmac = (key: Uint8Array, text: string) => createHmac('sha256', key).update(text).digest()
  const salted = pbkdf2Sync(password.normalize('NFKC'), verifier.salt, verifier.iterations, 32, 'sha256')
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest()
  return storedKey.equals(verifier.storedKey) && hmac(salted, 'Server Key').equals(verifier.serverKey)
}

async function scram(
  here: House,
  name: string,
  password: string,
  remote = '192.0.2.1',
): Promise<LoginOutcome> {
  const begun = await here.doors.scram({ name, mechanism: 'SCRAM-SHA-256', service: 'pop3', remote })
  return 'failed' in begun ? begun : begun.settle(fits(begun.verifier, password))
}

test.each([
  ['anna', () => PASSWORD, 'classic/inbox'],
  ['anna/quarantine', () => PASSWORD, 'classic/quarantine'],
  ['recent:anna', () => PASSWORD, 'recent/inbox'],
  ['anna+device=phone', () => DEVICE, 'device:phone/inbox'],
  ['anna', () => DEVICE, 'auth'],
  ['anna+device=phone', () => PASSWORD, 'auth'],
  ['anna+device=laptop', () => DEVICE, 'auth'],
  ['nobody', () => PASSWORD, 'auth'],
  ['not a name', () => PASSWORD, 'auth'],
])('SCRAM %s -> %s', async (name, secret, expected) => {
  expect(brief(await scram(await house(), name, secret()))).toBe(expected)
})

test('a proof for an invented verifier never counts', async () => {
  const here = await house()
  for (const name of ['nobody', 'anna+device=laptop', 'not a name']) {
    const begun = await here.doors.scram({ name, mechanism: 'SCRAM-SHA-256', service: 'pop3', remote: 'x' })
    if ('failed' in begun) throw new Error('refused too early')
    expect(brief(await begun.settle(true))).toBe('auth')
    await expect(begun.settle(true)).rejects.toThrow('settled once')
  }
})

test('invented verifiers look like real ones and stay the same in every process', async () => {
  const installationKey = new Uint8Array(32).fill(3)
  const [one, two] = [await house({ installationKey }), await house({ installationKey })]
  for (const name of ['nobody', 'anna+device=laptop', 'not a name']) {
    expect(await one.doors.scramVerifier(name)).toEqual(await two.doors.scramVerifier(name))
  }
  const shape = (verifier: ScramVerifier) => [
    verifier.iterations,
    verifier.salt.length,
    verifier.storedKey.length,
    verifier.serverKey.length,
  ]
  const { doors } = one
  expect(shape(await doors.scramVerifier('nobody'))).toEqual(shape(await doors.scramVerifier('anna')))
  expect(shape(await doors.scramVerifier('anna+device=laptop'))).toEqual(
    shape(await doors.scramVerifier('anna+device=phone')),
  )
  expect(await doors.scramVerifier('NOBODY')).toEqual(await doors.scramVerifier('nobody@acme.example'))
})

test('SCRAM guesses are throttled like plain ones, and beginning is no guess', async () => {
  const here = await house()
  for (let i = 0; i < 50; i++) {
    const begun = await here.doors.scram({
      name: 'anna',
      mechanism: 'SCRAM-SHA-256',
      service: 'pop3',
      remote: '192.0.2.1',
    })
    expect('verifier' in begun).toBe(true)
  }
  const many = await Promise.all(
    Array.from({ length: 20 }, () =>
      here.doors.scram({ name: 'anna', mechanism: 'SCRAM-SHA-256', service: 'pop3', remote: '192.0.2.1' }),
    ),
  )
  const words: string[] = []
  for (const begun of many) words.push('failed' in begun ? begun.failed : brief(await begun.settle(false)))
  expect(words).toEqual([
    ...Array.from({ length: 6 }, () => 'auth'),
    ...Array.from({ length: 14 }, () => 'throttled'),
  ])
  expect(brief(await scram(here, 'anna', PASSWORD))).toBe('throttled')
  expect(brief(await scram(here, 'anna', PASSWORD, '198.51.100.7'))).toBe('classic/inbox')
})

test('a password changed in mid-exchange ends the exchange', async () => {
  const here = await house()
  const begun = await here.doors.scram({
    name: 'anna',
    mechanism: 'SCRAM-SHA-256',
    service: 'pop3',
    remote: 'x',
  })
  if ('failed' in begun) throw new Error('refused too early')
  await here.directory.setCredentials(here.anna.id, '', await accountCredentials('the new one'))
  expect(brief(await begun.settle(true))).toBe('auth')
})
