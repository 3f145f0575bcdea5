import { concatOctets, latin1Octets, latin1Text } from '@restante/mail'
import { factsOf } from '@restante/message'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { prefixSubject } from '../src/index.ts'

const apply = (message: string, prefix: string): string | null => {
  const octets = latin1Octets(message)
  const splice = prefixSubject(octets, prefix)
  if (splice === null) return null
  return latin1Text(
    concatOctets([
      octets.subarray(0, splice.offset),
      splice.replacement,
      octets.subarray(splice.offset + splice.length),
    ]),
  )
}

test.each([
  ['Subject: Hello\r\n\r\n', 'Subject: [spam] Hello\r\n\r\n'],
  ['From: a\r\nsubject:Hello\r\n\r\n', 'From: a\r\nsubject: [spam] Hello\r\n\r\n'],
  ['Subject:\r\n folded\r\n\r\n', 'Subject: [spam] \r\n folded\r\n\r\n'],
  ['Subject: \r\n\r\n', 'Subject: [spam] \r\n\r\n'],
  ['Subject: one\r\nSubject: two\r\n\r\n', 'Subject: [spam] one\r\nSubject: two\r\n\r\n'],
  ['Subject: [spam] Hello\r\n\r\n', null],
  ['From: a\r\n\r\nSubject: in the body\r\n', null],
  ['X-Subject: no\r\n\r\n', null],
  ['', null],
])('%j', (before, after) => expect(apply(before, '[spam] ')).toBe(after))

test.each([
  ['Subject: Hello\r\n\r\n', '[СПАМ] ', '[СПАМ] Hello'],
  ['Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\n', '[Müll] ', '[Müll] Grüße'],
  [
    'Subject: Bonjour\r\n\r\n',
    '[courrier indésirable, à vérifier s’il vous plaît 🗑] ',
    '[courrier indésirable, à vérifier s’il vous plaît 🗑] Bonjour',
  ],
])('%j with %s reads %s', (before, prefix, subject) => {
  const after = apply(before, prefix) as string
  expect(after).toMatch(/^[\r\n -~]*$/)
  expect(factsOf(latin1Octets(after)).subject).toBe(subject)
  expect(apply(after, prefix)).toBeNull()
})

test('no prefix breaks the header, and no header breaks the prefix', () => {
  const line = fc.constantFrom(
    'From: a@b\r\n',
    'Subject: x\r\n',
    'Subject:y\r\n',
    'Subject:\r\n',
    ' folded\r\n',
    'To: c\r\n',
  )
  const prefix = fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: 'binary', maxLength: 30 }))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), prefix, (lines, words) => {
      const message = `From: x\r\n${lines.join('')}\r\nSubject: body\r\n`
      const after = apply(message, words)
      if (after === null) return
      expect(after.split('\r\n').length).toBe(message.split('\r\n').length)
      expect(after).toMatch(/^[\r\n -~]*$/)
      const index = message.split('\r\n').findIndex((each) => /^subject:/i.test(each))
      const changed = after.split('\r\n')[index] as string
      expect(changed).toMatch(/^Subject: /)
      expect(after.split('\r\n').toSpliced(index, 1)).toEqual(message.split('\r\n').toSpliced(index, 1))
    }),
    { numRuns: 2000 },
  )
})
