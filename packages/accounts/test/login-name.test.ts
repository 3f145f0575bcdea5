import { canonicalAddress, formatPath } from '@restante/mail'
import { isFolder } from '@restante/maildrop'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isDeviceName, parseLoginName } from '../src/index.ts'

const defaults = { defaultDomain: 'acme.example' }

test.each([
  ['anna@acme.example', 'anna@acme.example', 'inbox', null, null],
  ['Anna@ACME.Example', 'anna@acme.example', 'inbox', null, null],
  ['anna', 'anna@acme.example', 'inbox', null, null],
  ['anna@acme.example/quarantine', 'anna@acme.example', 'quarantine', null, null],
  ['anna@acme.example/Lists', 'anna@acme.example', 'lists', null, null],
  ['anna/lists', 'anna@acme.example', 'lists', null, null],
  ['recent:anna@acme.example', 'anna@acme.example', 'inbox', 'recent', null],
  ['RECENT:anna', 'anna@acme.example', 'inbox', 'recent', null],
  ['recent:anna/lists', 'anna@acme.example', 'lists', 'recent', null],
  ['anna@acme.example+device=Phone 2', 'anna@acme.example', 'inbox', null, 'Phone 2'],
  ['anna+device=phone', 'anna@acme.example', 'inbox', null, 'phone'],
  ['anna@acme.example+DEVICE=phone/quarantine', 'anna@acme.example', 'quarantine', null, 'phone'],
  ['anna@acme.example/quarantine+device=phone', 'anna@acme.example', 'quarantine', null, 'phone'],
  ['anna+lists@acme.example', 'anna+lists@acme.example', 'inbox', null, null],
  ['a/b@acme.example/c', 'a/b@acme.example', 'c', null, null],
  ['a+device=b@acme.example', 'a+device=b@acme.example', 'inbox', null, null],
  ['"anna b"@acme.example', '"anna b"@acme.example', 'inbox', null, null],
  ['mu\u0308ller@acme.example', 'm\u00fcller@acme.example', 'inbox', null, null],
])('%s is read', (name, address, folder, view, device) => {
  expect(parseLoginName(name, defaults)).toEqual({ address, folder, view, device })
})

test.each([
  '',
  '@',
  'anna@',
  '@acme.example',
  'anna@acme.example/',
  'anna@acme.example/.hidden',
  'anna@acme.example/a/b',
  'anna@acme.example+device=',
  'anna@acme.example+device=a+device=b',
  'anna@acme.example/a+device=b/c',
  'recent:',
  'recent:recent:anna',
  'anna b',
  'anna\u0000',
  'anna\r\n',
  `${'a'.repeat(600)}@acme.example`,
])('%j is no login name', (name) => {
  expect(parseLoginName(name, defaults)).toBeNull()
})

test('without a default domain a plain name is refused', () => {
  expect(parseLoginName('anna', { defaultDomain: null })).toBeNull()
})

test.each([
  ['phone', true],
  ["Anna's iPhone (old)", true],
  ['Téléphone', true],
  [' phone', false],
  ['phone ', false],
  ['', false],
  ['a/b', false],
  ['a@b', false],
  ['a'.repeat(65), false],
])('device name %j: %s', (name, fits) => {
  expect(isDeviceName(name)).toBe(fits)
})

const localPart = fc.stringMatching(/^[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}$/)
const folder = fc.stringMatching(/^[a-z0-9_-]{1,20}$/)
const device = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/)

test('what is put together is taken apart again', () => {
  fc.assert(
    fc.property(localPart, folder, device, fc.boolean(), (local, inFolder, onDevice, recent) => {
      const path = { localPart: local, domain: 'acme.example' }
      const name = `${recent ? 'recent:' : ''}${formatPath(path)}/${inFolder}+device=${onDevice}`
      expect(parseLoginName(name, defaults)).toEqual({
        address: canonicalAddress(path),
        folder: inFolder,
        view: recent ? 'recent' : null,
        device: onDevice,
      })
    }),
  )
})

test('any text gives a whole answer or none', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
      const name = parseLoginName(text, defaults)
      if (name === null) return
      expect(name.address).toBe(name.address.normalize('NFC').toLowerCase())
      expect(isFolder(name.folder)).toBe(true)
    }),
  )
})
