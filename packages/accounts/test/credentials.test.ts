import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { memoryStore } from '@restante/maildrop'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  accountCredentials,
  BusyError,
  createHashGate,
  deviceCredentials,
  fakeScramVerifier,
  generateDevicePassword,
  hashPassword,
  hasScramCredentials,
  isGeneratedDevicePassword,
  makeScramVerifier,
  parseScramVerifier,
  type Secret,
  type SecretError,
  verifyByScram,
  verifyPassword,
} from '../src/index.ts'

const ODD_SECRETS: readonly Secret[] = [
  'x',
  ' leading and trailing ',
  'colon:and$dollar',
  'Zürich ☃ 🦆',
  '\t',
  'a'.repeat(4096),
  Uint8Array.of(0xff, 0xfe, 0x20),
]

test.each(ODD_SECRETS)('%s is hashed and verified to the octet', async (secret) => {
  const verifier = await hashPassword(secret)
  expect(verifier).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  expect(await verifyPassword(verifier, secret)).toBe(true)
  const other = typeof secret === 'string' ? `${secret.slice(0, -1)}?` : Uint8Array.of(...secret, 0x21)
  expect(await verifyPassword(verifier, other)).toBe(false)
})

test('composed and decomposed letters are different passwords', async () => {
  const verifier = await hashPassword('caf\u00e9')
  expect(await verifyPassword(verifier, 'cafe\u0301')).toBe(false)
})

test.each<[string, Secret, SecretError['code']]>([
  ['an empty one', '', 'empty'],
  ['a NUL', 'right\u0000junk', 'nul'],
  ['4097 octets', 'a'.repeat(4097), 'too-long'],
  ['4097 octets in 2049 letters', 'é'.repeat(2049), 'too-long'],
  ['half a surrogate pair', 'a\ud800', 'not-utf8'],
])('%s is refused when kept and fits nothing', async (_what, secret, code) => {
  await expect(hashPassword(secret)).rejects.toThrow(expect.objectContaining({ name: 'SecretError', code }))
  expect(await verifyPassword(await hashPassword('right'), secret)).toBe(false)
})

test('two hashes of one password differ', async () => {
  expect(await hashPassword('same')).not.toBe(await hashPassword('same'))
})

test.each([
  // The first three are vectors of the reference implementation (phc-winner-argon2, src/test.c).
  [
    '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    'password',
    true,
  ],
  ['$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4', 'password', true],
  ['$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc', 'password', true],
  ['$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4', 'Password', false],
  ['$argon2id$v=19$m=9999999,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4', 'x', false],
  ['$argon2id$v=19$m=256,t=999,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4', 'x', false],
  ['$argon2id$v=19$m=1,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4', 'x', false],
  ['$argon2id$v=19$m=256,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4', 'x', false],
  ['$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4', 'password', false],
  ['password', 'password', false],
  ['', '', false],
])('%s with %j: %s', async (verifier, secret, fits) => {
  expect(await verifyPassword(verifier, secret)).toBe(fits)
})

test('any text is a verifier that fits nothing rather than a crash', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string(), async (verifier) => {
      expect(await verifyPassword(verifier, 'x')).toBe(false)
      expect(parseScramVerifier(verifier)).toBeNull()
    }),
  )
})

test('a SCRAM verifier lets the client proof of RFC 5802 through and no other', async () => {
  const kept = parseScramVerifier(await makeScramVerifier('pencil', 4096))
  if (!kept) throw new Error('the verifier made does not parse')
  expect(kept.iterations).toBe(4096)
  const hmac = (key: Uint8Array, text: string) => createHmac('sha256', key).update(text).digest()
  const prove = (password: string): boolean => {
    const message = 'n=user,r=x,r=xy,s=z,i=4096,c=biws,r=xy'
    const salted = pbkdf2Sync(password, kept.salt, kept.iterations, 32, 'sha256')
    const clientKey = hmac(salted, 'Client Key')
    const signature = hmac(createHash('sha256').update(clientKey).digest(), message)
    const proof = clientKey.map((octet, i) => octet ^ (signature[i] as number))
    // The server's side.
    const again = hmac(kept.storedKey, message)
    const recovered = proof.map((octet, i) => octet ^ (again[i] as number))
    return createHash('sha256').update(recovered).digest().equals(kept.storedKey)
  }
  expect(prove('pencil')).toBe(true)
  expect(prove('Pencil')).toBe(false)
})

test('the verifier of the RFC 7677 example is the one its exchange needs', () => {
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
  const salted = pbkdf2Sync('pencil', salt, 4096, 32, 'sha256')
  const hmac = (key: Uint8Array, text: string) => createHmac('sha256', key).update(text).digest()
  const stored = createHash('sha256').update(hmac(salted, 'Client Key')).digest('base64')
  const server = hmac(salted, 'Server Key')
  const text = `SCRAM-SHA-256$4096:${salt.toString('base64')}$${stored}:${server.toString('base64')}`
  const message =
    'n=user,r=rOprNGfwEbeRWgbNEkqO,' +
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,' +
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
  const serverKey = parseScramVerifier(text)?.serverKey as Uint8Array
  expect(hmac(serverKey, message).toString('base64')).toBe('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
  return expect(verifyByScram(text, 'pencil')).resolves.toBe(true)
})

test('SCRAM sees compatible forms of a password as one', async () => {
  const verifier = await makeScramVerifier('cafe\u0301 \u2168', 4096)
  expect(await verifyByScram(verifier, 'caf\u00e9 IX')).toBe(true)
  expect(await verifyByScram(verifier, 'cafe IX')).toBe(false)
})

test('an invented verifier is always the same for one name and key, and looks real', () => {
  const key = new Uint8Array(32).fill(7)
  const once = fakeScramVerifier('anna', 4096, key)
  expect(fakeScramVerifier('anna', 4096, key)).toEqual(once)
  expect(fakeScramVerifier('ben', 4096, key).salt).not.toEqual(once.salt)
  expect(fakeScramVerifier('anna', 4096, new Uint8Array(32)).salt).not.toEqual(once.salt)
  expect([once.salt.length, once.storedKey.length, once.serverKey.length]).toEqual([16, 32, 32])
})

test('device passwords have their form, never repeat, and use every letter about equally', () => {
  const made = Array.from({ length: 2000 }, () => generateDevicePassword())
  expect(made.every(isGeneratedDevicePassword)).toBe(true)
  expect(new Set(made).size).toBe(made.length)
  const counts = new Map<string, number>()
  for (const letter of made.join('').replaceAll('-', '')) counts.set(letter, (counts.get(letter) ?? 0) + 1)
  expect(counts.size).toBe(23)
  // 48,000 letters over 23: 2087 each, standard deviation 45; seven of them either way.
  for (const count of counts.values()) expect(Math.abs(count - 2087)).toBeLessThan(320)
})

test('octets that would favour some letters are drawn again', () => {
  const octets = [255, 253, 0, 22, ...Array.from({ length: 28 }, () => 23)]
  expect(generateDevicePassword(() => Uint8Array.from(octets))).toMatch(/^azaa-aaaa-/)
})

test('what is kept for each kind of password', async () => {
  const schemes = async (made: Promise<readonly { readonly scheme: string }[]>) =>
    (await made).map((each) => each.scheme)
  expect(await schemes(accountCredentials('hunter2'))).toEqual(['argon2id'])
  expect(await schemes(accountCredentials('hunter2', { scram: true }))).toEqual(['argon2id', 'scram-sha-256'])
  expect(await schemes(deviceCredentials(generateDevicePassword()))).toEqual([
    'hmac-sha-256',
    'scram-sha-256',
  ])
  expect(await schemes(deviceCredentials('chosen by hand'))).toEqual(['argon2id'])
})

test('SCRAM is worth offering once somebody can use it', async () => {
  const { directory } = memoryStore()
  expect(await hasScramCredentials(directory)).toBe(false)
  const anna = await directory.addAccount('anna@acme.example')
  const ben = await directory.addAccount('ben@acme.example')
  if (!anna || !ben) throw new Error('no accounts')
  await directory.setCredentials(anna.id, '', await accountCredentials('hunter2'))
  expect(await hasScramCredentials(directory)).toBe(false)
  await directory.setCredentials(ben.id, 'phone', await deviceCredentials(generateDevicePassword()))
  expect(await hasScramCredentials(directory)).toBe(true)
})

test('the gate runs two, lines up the rest in order, and refuses what is too much', async () => {
  const gate = createHashGate({ running: 2, waiting: 3 })
  const order: number[] = []
  const finish: (() => void)[] = []
  const task = (id: number) => () =>
    new Promise<number>((resolve) => {
      order.push(id)
      finish.push(() => resolve(id))
    })
  const turns = [1, 2, 3, 4, 5].map((id) => gate.run(task(id)))
  await expect(gate.run(task(6))).rejects.toThrow(BusyError)
  expect([gate.running, gate.waiting]).toEqual([2, 3])
  for (let i = 0; i < 5; i++) {
    finish[i]?.()
    await turns[i]
  }
  expect(await Promise.all(turns)).toEqual([1, 2, 3, 4, 5])
  expect(order).toEqual([1, 2, 3, 4, 5])
  expect([gate.running, gate.waiting]).toEqual([0, 0])
})

test('a failed task gives its place on, and one that is called off leaves the line', async () => {
  const gate = createHashGate({ running: 1, waiting: 2 })
  let fail: (error: Error) => void = () => {}
  const failing = gate.run(() => new Promise<never>((_, reject) => (fail = reject)))
  const caller = new AbortController()
  const gone = gate.run(async () => 'gone', { signal: caller.signal })
  const next = gate.run(async () => 'next')
  caller.abort(new Error('hung up'))
  await expect(gone).rejects.toThrow('hung up')
  fail(new Error('no memory'))
  await expect(failing).rejects.toThrow('no memory')
  expect(await next).toBe('next')
  await expect(gate.run(async () => 'late', { signal: caller.signal })).rejects.toThrow('hung up')
  expect([gate.running, gate.waiting]).toEqual([0, 0])
})

test('one address fills at most half of the line', async () => {
  const gate = createHashGate({ running: 1, waiting: 4 })
  let release: () => void = () => {}
  const first = gate.run(() => new Promise<void>((resolve) => (release = resolve)))
  const guesser = { share: '192.0.2.1' }
  const waiting = [gate.run(async () => 1, guesser), gate.run(async () => 2, guesser)]
  await expect(gate.run(async () => 3, guesser)).rejects.toThrow(BusyError)
  waiting.push(gate.run(async () => 4, { share: '192.0.2.2' }))
  release()
  await first
  expect(await Promise.all(waiting)).toEqual([1, 2, 4])
  expect(await gate.run(async () => 5, guesser)).toBe(5)
})
