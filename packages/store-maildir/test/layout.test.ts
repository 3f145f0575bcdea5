import { INBOX, isFolder, QUARANTINE } from '@restante/maildrop'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { baseName, folderDirectory, folderOf, homeName, idInBase } from '../src/layout.ts'
import { formatUidl, parseUidl, type UidlEntry } from '../src/uidl-file.ts'

describe('homes', () => {
  test.each([
    ['anna@acme.example', 'anna@acme.example'],
    ['büro@acme.example', 'büro@acme.example'],
    ['../x@acme.example', '%2E.%2Fx@acme.example'],
    ['a/b%c@acme.example', 'a%2Fb%25c@acme.example'],
    ['.hidden@acme.example', '%2Ehidden@acme.example'],
  ])('%s is %s', (address, name) => {
    expect(homeName(address)).toBe(name)
  })

  test('any address is one short name that stays in mail/', () => {
    const unit = fc.constantFrom(...'ab01.-_+/\\%:~@ \0\n\u007f\u0085éß中𝒶')
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 300 }), (local) => {
        const name = homeName(`${local}@acme.example`)
        expect(name).not.toMatch(/[/\0]|^\./)
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200)
      }),
    )
  })
})

describe('folders', () => {
  test.each([
    [INBOX, ''],
    [QUARANTINE, '.Quarantine'],
    ['lists', '.lists'],
    ['büro', '.b&APw-ro'],
    ['日本語', '.&ZeVnLIqe-'],
    ['台北', '.&U,BTFw-'],
  ])('%s is in %j', (folder, directory) => {
    expect(folderDirectory(folder)).toBe(directory)
    if (folder !== INBOX) expect(folderOf(directory)).toBe(folder)
  })

  test('every folder has a directory of its own, and the way back', () => {
    const letter = fc.constantFrom(...'abcxyz019-_.üßéжя中文字𝒶')
    const name = fc.array(letter, { minLength: 1, maxLength: 64 }).map((letters) => letters.join(''))
    fc.assert(
      fc.property(name.filter(isFolder), (folder) => {
        const directory = folderDirectory(folder)
        expect(directory).toMatch(/^\.[^/]+$/)
        expect(Buffer.byteLength(directory)).toBeLessThanOrEqual(200)
        if (!directory.startsWith('.~')) expect(folderOf(directory)).toBe(folder)
      }),
    )
  })

  test.each(['.Sent', '.quarantine', '.inbox', '.INBOX', '.b&APw', '.&&', '.b\u00fcro', '..'])(
    '%j is no folder of ours',
    (directory) => {
      expect(folderOf(directory)).toBeNull()
    },
  )
})

test('a base name has its id in it', () => {
  const id = '01JNAAAAAAAAAAAAAAAAAAAAAA'
  const base = baseName(1_700_000_000_999, id, 123, 120)
  expect(base).toMatch(/^1700000000\.01JN.*,S=120,W=123$/)
  expect(idInBase(base)).toBe(id)
  for (const other of ['1700000000.M1P2.host', `x.${id}.host`, `1.${id.toLowerCase()}.host`, id]) {
    expect(idInBase(other)).toBeNull()
  }
})

describe('restante-uidl', () => {
  const entry: fc.Arbitrary<UidlEntry> = fc.record({
    id: fc.stringMatching(/^[!-~]{1,70}$/),
    form: fc.record({ sizeOctets: fc.nat(), bodyOffset: fc.nat(), needsStuffing: fc.boolean() }),
    rawOctets: fc.nat(),
  })
  test('reads what it wrote', () => {
    const base = fc.stringMatching(/^[ -9;-~]{1,60}$/)
    fc.assert(
      fc.property(fc.array(fc.tuple(base, entry), { maxLength: 20 }), (entries) => {
        const map = new Map(entries)
        expect(parseUidl(formatUidl(map))).toEqual(map)
      }),
    )
  })

  test.each([
    '',
    'something else\nid 1 2 0 3 base\n',
    'restante-uidl 2\nid 1 2 0 3 base\n',
    'restante-uidl 1\nid 1 2 0 base\nid -1 2 0 3 base\nid 1 2 2 3 base\nid 1 2 0 3\n',
  ])('takes nothing from %j', (text) => {
    expect(parseUidl(text).size).toBe(0)
  })
})
