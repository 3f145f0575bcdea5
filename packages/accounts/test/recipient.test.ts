import { type Path, parsePath } from '@restante/mail'
import { type Account, type Alias, type Directory, memoryStore, StoreError } from '@restante/maildrop'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { createRecipientResolver, type ResolveOptions, resolveRecipient } from '../src/index.ts'

/** A directory with Anna (oldest), Ben and Cleo at acme.example, Dora at other.example. */
async function people(aliases: Readonly<Record<string, readonly string[]>> = {}): Promise<Directory> {
  let nowMs = 1000
  const { directory } = memoryStore({}, { now: () => nowMs++ })
  for (const address of ['anna@acme.example', 'ben@acme.example', 'cleo@acme.example', 'dora@other.example'])
    await directory.addAccount(address)
  for (const [address, targets] of Object.entries(aliases)) await directory.putAlias({ address, targets })
  return directory
}

function path(text: string): Path {
  const parsed = parsePath(text)
  if (parsed === null) throw new Error(`not a path: ${text}`)
  return parsed
}

/** The answer in short: sorted `address/folder` and forwards, or the word. */
async function resolve(directory: Directory, text: string, options: ResolveOptions = {}): Promise<string> {
  const to = text === 'postmaster' ? { localPart: 'Postmaster', domain: '' } : path(text)
  const found = await resolveRecipient(directory, to, options)
  if (!('deliver' in found)) return Object.keys(found).join()
  const places = found.deliver.map(({ account, folder }) => `${account.address}/${folder}`)
  return [...places, ...found.forward.map((address) => `>${address}`)].sort().join(' ')
}

const aliases = {
  'info@acme.example': ['anna@acme.example', 'ben@acme.example'],
  'team@acme.example': ['info@acme.example', 'cleo@acme.example', 'anna@acme.example'],
  'away@acme.example': ['Far.Away@elsewhere.example'],
  'both@acme.example': ['away@acme.example', 'info@acme.example'],
  'gone@acme.example': ['nobody@acme.example'],
  'half@acme.example': ['nobody@acme.example', 'ben@acme.example'],
  'self@acme.example': ['self@acme.example'],
  'ring1@acme.example': ['ring2@acme.example'],
  'ring2@acme.example': ['ring3@acme.example', 'anna@acme.example'],
  'ring3@acme.example': ['ring1@acme.example'],
  'left@acme.example': ['info@acme.example'],
  'diamond@acme.example': ['left@acme.example', 'info@acme.example'],
}

test.each([
  ['anna@acme.example', 'anna@acme.example/inbox'],
  ['ANNA@Acme.EXAMPLE', 'anna@acme.example/inbox'],
  ['"anna"@acme.example', 'anna@acme.example/inbox'],
  ['nobody@acme.example', 'unknown'],
  ['anna@elsewhere.example', 'notLocal'],
  ['anna@[127.0.0.1]', 'notLocal'],
  ['info@acme.example', 'anna@acme.example/inbox ben@acme.example/inbox'],
  ['team@acme.example', 'anna@acme.example/inbox ben@acme.example/inbox cleo@acme.example/inbox'],
  ['away@acme.example', '>Far.Away@elsewhere.example'],
  ['both@acme.example', '>Far.Away@elsewhere.example anna@acme.example/inbox ben@acme.example/inbox'],
  ['gone@acme.example', 'unknown'],
  ['half@acme.example', 'ben@acme.example/inbox'],
  ['self@acme.example', 'loop'],
  ['ring1@acme.example', 'loop'],
  ['diamond@acme.example', 'anna@acme.example/inbox ben@acme.example/inbox'],
  ['anna+lists@acme.example', 'anna@acme.example/inbox'],
  ['info+x@acme.example', 'anna@acme.example/inbox ben@acme.example/inbox'],
  ['+anna@acme.example', 'unknown'],
  ['postmaster@acme.example', 'anna@acme.example/inbox'],
  ['Abuse@acme.example', 'anna@acme.example/inbox'],
  ['abuse+report@other.example', 'anna@acme.example/inbox'],
  ['postmaster', 'anna@acme.example/inbox'],
  ['postmaster@elsewhere.example', 'notLocal'],
])('%s -> %s', async (address, expected) => {
  expect(await resolve(await people(aliases), address)).toBe(expected)
})

test.each<[string, ResolveOptions['plusFolders'], string]>([
  ['anna+lists@acme.example', true, 'anna@acme.example/lists'],
  ['anna+LISTS@acme.example', true, 'anna@acme.example/lists'],
  ['anna+a+b@acme.example', true, 'anna@acme.example/inbox'],
  ['anna+@acme.example', true, 'anna@acme.example/inbox'],
  ['anna+quarantine@acme.example', true, 'anna@acme.example/inbox'],
  ['anna+lists@acme.example', ['lists'], 'anna@acme.example/lists'],
  ['anna+other@acme.example', ['lists'], 'anna@acme.example/inbox'],
  ['anna+lists@acme.example', false, 'anna@acme.example/inbox'],
])('%s with plusFolders %j -> %s', async (address, plusFolders, expected) => {
  expect(await resolve(await people(), address, { plusFolders: plusFolders ?? false })).toBe(expected)
})

test('an account whose address holds the plus is itself', async () => {
  const directory = await people()
  await directory.addAccount('anna+lists@acme.example')
  expect(await resolve(directory, 'anna+lists@acme.example', { plusFolders: true })).toBe(
    'anna+lists@acme.example/inbox',
  )
})

test.each([
  ['ben@acme.example', 'ben@acme.example/inbox'],
  ['info@acme.example', 'anna@acme.example/inbox ben@acme.example/inbox'],
  ['admin@elsewhere.example', '>admin@elsewhere.example'],
  ['nobody@acme.example', 'anna@acme.example/inbox'],
  ['self@acme.example', 'anna@acme.example/inbox'],
  ['abuse@acme.example', 'anna@acme.example/inbox'],
  ['not an address', 'anna@acme.example/inbox'],
])('postmaster: %s -> %s, always somebody', async (postmaster, expected) => {
  expect(await resolve(await people(aliases), 'postmaster@acme.example', { postmaster })).toBe(expected)
})

test('a real postmaster@ account or alias comes before the setting', async () => {
  const directory = await people({ 'postmaster@acme.example': ['cleo@acme.example'] })
  const options = { postmaster: 'ben@acme.example' }
  expect(await resolve(directory, 'postmaster@acme.example', options)).toBe('cleo@acme.example/inbox')
  expect(await resolve(directory, 'abuse@acme.example', options)).toBe('ben@acme.example/inbox')
})

test('without any account not even postmaster is known', async () => {
  const { directory } = memoryStore()
  await directory.putDomain({ name: 'acme.example', catchAll: null })
  expect(await resolve(directory, 'postmaster@acme.example')).toBe('unknown')
})

test.each([
  ['nobody@acme.example', 'ben@acme.example/inbox'],
  ['anna@acme.example', 'anna@acme.example/inbox'],
  ['anna+x@acme.example', 'anna@acme.example/inbox'],
  ['away@acme.example', '>Far.Away@elsewhere.example'],
  ['postmaster@acme.example', 'anna@acme.example/inbox'],
  ['gone@acme.example', 'ben@acme.example/inbox'],
])('with a catch-all %s -> %s', async (address, expected) => {
  const directory = await people(aliases)
  await directory.putDomain({ name: 'acme.example', catchAll: 'ben@acme.example' })
  expect(await resolve(directory, address)).toBe(expected)
})

test.each([
  ['nowhere@acme.example', 'unknown'],
  ['all@elsewhere.example', '>all@elsewhere.example'],
])('a catch-all to %s gives %s', async (catchAll, expected) => {
  const directory = await people()
  await directory.putDomain({ name: 'acme.example', catchAll })
  expect(await resolve(directory, 'nobody@acme.example')).toBe(expected)
})

test('two catch-alls that point at each other end', async () => {
  const directory = await people()
  await directory.putDomain({ name: 'acme.example', catchAll: 'x@other.example' })
  await directory.putDomain({ name: 'other.example', catchAll: 'y@acme.example' })
  expect(await resolve(directory, 'nobody@acme.example')).toBe('unknown')
})

test.each([
  ['anna@xn--mller-kva.example', 'müller.example'],
  ['anna@müller.example', 'xn--mller-kva.example'],
  ['anna@MÜLLER.example', 'müller.example'],
])('%s is at home in %s', async (address, domain) => {
  const { directory } = memoryStore()
  await directory.addAccount(`anna@${domain}`)
  expect(await resolve(directory, address)).toBe(`anna@${domain}/inbox`)
})

test('a chain of aliases is followed ten deep and no deeper', async () => {
  const chain = (length: number): Record<string, readonly string[]> =>
    Object.fromEntries(
      Array.from({ length }, (_, i) => [
        `a${i}@acme.example`,
        [i + 1 === length ? 'anna@acme.example' : `a${i + 1}@acme.example`],
      ]),
    )
  expect(await resolve(await people(chain(10)), 'a0@acme.example')).toBe('anna@acme.example/inbox')
  expect(await resolve(await people(chain(11)), 'a0@acme.example')).toBe('loop')
})

test('200 destinations are fine, one more is refused', async () => {
  const far = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => `x${from + i}@elsewhere.example`)
  const directory = await people({
    'one@acme.example': far(0, 100),
    'two@acme.example': far(100, 100),
    'fits@acme.example': ['one@acme.example', 'two@acme.example'],
    'over@acme.example': ['one@acme.example', 'two@acme.example', 'anna@acme.example'],
  })
  const fits = await resolveRecipient(directory, path('fits@acme.example'))
  expect('forward' in fits && fits.forward).toHaveLength(200)
  expect(await resolve(directory, 'over@acme.example')).toBe('loop')
})

test('a tree of aliases that leads nowhere costs a bounded number of look-ups', async () => {
  const directory = await people()
  const wide: Directory = {
    ...directory,
    alias: vi.fn(async (address: string): Promise<Alias> => {
      const depth = Number(/^t(\d)/.exec(address)?.[1] ?? 0)
      return {
        address,
        targets: Array.from({ length: 100 }, (_, i) => `t${depth + 1}-${i}-${address}`.replaceAll('@', `@`)),
      }
    }),
    accountByAddress: async (): Promise<Account | null> => null,
  }
  expect(await resolve(wide, 'x@acme.example')).toBe('loop')
  expect(vi.mocked(wide.alias).mock.calls.length).toBeLessThan(1000)
})

test('whatever the aliases are, the walk ends and never delivers twice to the same place', async () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'anna', 'ben', 'nobody')
  const target = name.map((local) => `${local}@acme.example`)
  const graph = fc.dictionary(
    fc.constantFrom('a', 'b', 'c', 'd'),
    fc.array(target, { minLength: 1, maxLength: 4 }),
  )
  await fc.assert(
    fc.asyncProperty(graph, name, fc.boolean(), async (edges, start, all) => {
      const directory = await people(
        Object.fromEntries(
          Object.entries(edges).map(([local, targets]) => [`${local}@acme.example`, targets]),
        ),
      )
      if (all) await directory.putDomain({ name: 'acme.example', catchAll: 'a@acme.example' })
      const found = await resolveRecipient(directory, { localPart: start, domain: 'acme.example' })
      if (!('deliver' in found)) return
      const places = found.deliver.map(({ account, folder }) => `${account.id}/${folder}`)
      expect(new Set(places).size).toBe(places.length)
      expect(places.length + found.forward.length).toBeGreaterThan(0)
    }),
    { numRuns: 60 },
  )
})

test('an outage of the directory comes through', async () => {
  const directory: Directory = {
    ...(await people()),
    domain: () => Promise.reject(new StoreError('io', 'no disk')),
  }
  await expect(resolve(directory, 'anna@acme.example')).rejects.toThrow(StoreError)
})

test('the resolver asks once a second and forgets failures at once', async () => {
  let nowMs = 0
  const directory = await people()
  const domain = vi.fn(directory.domain)
  const resolver = createRecipientResolver({ directory: { ...directory, domain }, now: () => nowMs })
  const ask = async (text: string) => 'deliver' in (await resolver.resolve(path(text)))

  expect(await ask('new@acme.example')).toBe(false)
  await directory.addAccount('new@acme.example')
  nowMs = 999
  expect(await ask('NEW@acme.example')).toBe(false)
  expect(domain).toHaveBeenCalledTimes(1)
  nowMs = 1000
  expect(await ask('new@acme.example')).toBe(true)

  domain.mockRejectedValueOnce(new StoreError('io', 'no disk'))
  await expect(resolver.resolve(path('ben@acme.example'))).rejects.toThrow(StoreError)
  expect(await ask('ben@acme.example')).toBe(true)
})

test('a longer life than a second is not given, and 0 means none', async () => {
  let nowMs = 0
  const directory = await people()
  const domain = vi.fn(directory.domain)
  const over = createRecipientResolver({
    directory: { ...directory, domain },
    now: () => nowMs,
    cacheTtlMs: 60_000,
  })
  await over.resolve(path('anna@acme.example'))
  nowMs = 1000
  await over.resolve(path('anna@acme.example'))
  expect(domain).toHaveBeenCalledTimes(2)

  const none = createRecipientResolver({
    directory: { ...directory, domain },
    now: () => nowMs,
    cacheTtlMs: 0,
  })
  await none.resolve(path('anna@acme.example'))
  await none.resolve(path('anna@acme.example'))
  expect(domain).toHaveBeenCalledTimes(4)
})

test('a clock set back does not make an answer live longer, and the memory is bounded', async () => {
  let nowMs = 5000
  const directory = await people()
  const domain = vi.fn(directory.domain)
  const resolver = createRecipientResolver({
    directory: { ...directory, domain },
    now: () => nowMs,
    cacheEntries: 2,
  })
  await resolver.resolve(path('anna@acme.example'))
  nowMs = 10
  await resolver.resolve(path('anna@acme.example'))
  expect(domain).toHaveBeenCalledTimes(2)
  await resolver.resolve(path('ben@acme.example'))
  await resolver.resolve(path('cleo@acme.example'))
  await resolver.resolve(path('cleo@acme.example'))
  expect(domain).toHaveBeenCalledTimes(4)
  await resolver.resolve(path('anna@acme.example'))
  expect(domain).toHaveBeenCalledTimes(5)
})
