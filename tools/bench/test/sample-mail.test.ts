import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countDotLines, mailData, makeMail } from '../src/sample-mail.ts'

test('a mail has exactly the octets ordered, in stored form', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1200, max: 30_000 }),
      fc.integer(),
      fc.constantFrom('plain' as const, 'html' as const),
      fc.boolean(),
      (sizeOctets, seed, shape, dots) => {
        const mail = makeMail({ sizeOctets, seed, shape, dots })
        expect(mail.length).toBe(sizeOctets)
        const text = mail.toString('latin1')
        expect(text.endsWith('\r\n')).toBe(true)
        expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
        expect(text).not.toMatch(/\r\n\.\r\n/)
        expect(text).toMatch(/^From: .+\r\nTo: /)
        if (!dots) expect(countDotLines(mail)).toBe(0)
      },
    ),
    { numRuns: 60 },
  )
})

test('the same order gives the same mail, another seed another one', () => {
  const order = { sizeOctets: 5000, seed: 3 }
  expect(makeMail(order)).toEqual(makeMail(order))
  expect(makeMail(order)).not.toEqual(makeMail({ ...order, seed: 4 }))
})

test('mail with dot lines has some', () => {
  expect(countDotLines(makeMail({ sizeOctets: 100_000, seed: 7, dots: true }))).toBeGreaterThan(10)
})

test('too small a mail is refused', () => {
  expect(() => makeMail({ sizeOctets: 100, seed: 1 })).toThrow(RangeError)
  expect(() => makeMail({ sizeOctets: 600, seed: 1, shape: 'html' })).toThrow(RangeError)
})

test.each([
  ['a\r\n', 'a\r\n.\r\n'],
  ['.a\r\n', '..a\r\n.\r\n'],
  ['a\r\n.b\r\n..\r\n', 'a\r\n..b\r\n...\r\n.\r\n'],
  ['a.\r\nb.c\r\n', 'a.\r\nb.c\r\n.\r\n'],
])('DATA carries %j as %j', (stored, wire) => {
  expect(mailData(Buffer.from(stored)).toString()).toBe(wire)
})

test('dot-stuffing adds an octet for each dot line', () => {
  const stored = makeMail({ sizeOctets: 50_000, seed: 7, dots: true })
  expect(mailData(stored).length).toBe(stored.length + countDotLines(stored) + '.\r\n'.length)
})
