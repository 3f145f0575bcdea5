import { createAuthenticator } from '@restante/accounts'
import { memoryStore } from '@restante/maildrop'
import { expect, test } from 'vitest'
import {
  createAccount,
  ensureDevAccounts,
  readAccountEntry,
  readAddress,
  requireAccount,
} from '../src/people.ts'

test.each([
  ['anna@acme.example:secret', 'anna@acme.example', 'secret'],
  ['Anna@ACME.example:Se:cret', 'anna@acme.example', 'Se:cret'],
  ['anna@acme.example: with spaces ', 'anna@acme.example', ' with spaces '],
  ['anna@acme.example:пароль 🔑', 'anna@acme.example', 'пароль 🔑'],
])('%j', (text, address, password) => expect(readAccountEntry(text)).toEqual({ address, password }))

test.each(['anna@acme.example', 'anna@acme.example:', ':secret', ''])('no account: %j', (text) =>
  expect(() => readAccountEntry(text)).toThrow('ADDRESS:PASSWORD'),
)

test('an address is told from what is none', () => {
  expect(readAddress('Анна@Пример.РФ')).toBe('анна@пример.рф')
  expect(() => readAddress('anna')).toThrow('“anna” is not an address; it looks like anna@acme.example.')
})

const login = async (
  directory: ReturnType<typeof memoryStore>['directory'],
  name: string,
  secret: string,
) => {
  const doors = createAuthenticator({ directory, now: () => 0, defaultDomain: null })
  const outcome = await doors.login({
    mechanism: 'PLAIN',
    service: 'pop3',
    remote: '192.0.2.1',
    name,
    secret,
  })
  return 'ok' in outcome ? 'ok' : outcome.failed
}

test('an account is added once, its password kept to the letter', async () => {
  const { directory } = memoryStore()
  const anna = await createAccount(directory, 'anna@acme.example', ' pass word ')
  expect(await requireAccount(directory, 'ANNA@acme.example')).toEqual(anna)
  expect(await login(directory, 'anna@acme.example', ' pass word ')).toBe('ok')
  expect(await login(directory, 'anna@acme.example', 'pass word')).toBe('auth')
  await expect(createAccount(directory, 'anna@acme.example', 'x')).rejects.toMatchObject({ exitCode: 1 })
  await expect(createAccount(directory, 'ben@acme.example', '')).rejects.toMatchObject({ exitCode: 2 })
  await expect(requireAccount(directory, 'ben@acme.example')).rejects.toMatchObject({
    exitCode: 1,
    message: 'There is no account ben@acme.example. See: restante account list',
  })
})

test("a developer's accounts exist with the passwords given, again and again", async () => {
  const { directory } = memoryStore()
  const entry = (password: string) => [{ address: 'anna@acme.example', password }]
  await ensureDevAccounts(directory, entry('one'))
  const { id } = await requireAccount(directory, 'anna@acme.example')
  await ensureDevAccounts(directory, entry('two'))
  expect((await requireAccount(directory, 'anna@acme.example')).id).toBe(id)
  expect(await login(directory, 'anna@acme.example', 'one')).toBe('auth')
  expect(await login(directory, 'anna@acme.example', 'two')).toBe('ok')
  const schemes = (await directory.credentials(id)).map(({ scheme }) => scheme)
  expect(schemes.sort()).toEqual(['argon2id', 'scram-sha-256'])
})

test('many of them get cheap verifiers, which let them in all the same', async () => {
  const { directory } = memoryStore()
  const entries = Array.from({ length: 50 }, (_, i) => ({ address: `u${i}@acme.example`, password: `p${i}` }))
  await ensureDevAccounts(directory, entries)
  expect(await directory.accounts()).toHaveLength(50)
  const { id } = await requireAccount(directory, 'u7@acme.example')
  expect((await directory.credentials(id)).map(({ scheme }) => scheme)).toEqual(['scram-sha-256'])
  expect(await login(directory, 'u7@acme.example', 'p7')).toBe('ok')
})
