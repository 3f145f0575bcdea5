import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concatOctets, latin1Octets, latin1Text, scanStoredForm, toStoredForm } from '../src/index.ts'

const form = (text: string) => {
  const { octets, form } = toStoredForm(latin1Octets(text))
  return { text: latin1Text(octets), ...form }
}

describe('stored form', () => {
  test.each([
    ['', '', 0, false],
    ['a', 'a\r\n', 3, false],
    ['a\n', 'a\r\n', 3, false],
    ['a\r', 'a\r\n', 3, false],
    ['\n', '\r\n', 2, false],
    ['\r', '\r\n', 2, false],
    ['\r\n', '\r\n', 2, false],
    ['A: b\n\nbody', 'A: b\r\n\r\nbody\r\n', 8, false],
    ['A: b\r\n\r\n.body\r\n', 'A: b\r\n\r\n.body\r\n', 8, true],
    ['A: b\r\n\n\nx\n', 'A: b\r\n\r\n\r\nx\r\n', 8, false],
    ['.', '.\r\n', 3, true],
    ['a\r.\rb\n', 'a\r.\rb\r\n', 7, false],
    ['a\0\xff\n', 'a\0\xff\r\n', 5, false],
    ['A: b\r\n \r\nx\r\n', 'A: b\r\n \r\nx\r\n', 12, false],
  ])('%j -> %j', (text, stored, bodyOffset, needsStuffing) => {
    expect(form(text)).toEqual({ text: stored, sizeOctets: stored.length, bodyOffset, needsStuffing })
  })

  test('any split gives what the whole gives, and the result is a fixed point', () => {
    const text = fc
      .array(fc.constantFrom('a', '.', '\r', '\n', '\r\n', ' '), { maxLength: 24 })
      .map((p) => p.join(''))
    fc.assert(
      fc.property(text, fc.array(fc.nat(24), { maxLength: 6 }), (whole, cuts) => {
        const octets = latin1Octets(whole)
        const scanner = scanStoredForm()
        const out: Uint8Array[] = []
        const places = [
          0,
          ...cuts.map((c) => Math.min(c, octets.length)).sort((a, b) => a - b),
          octets.length,
        ]
        for (let i = 1; i < places.length; i++)
          out.push(...scanner.push(octets.subarray(places[i - 1], places[i])))
        const end = scanner.finish()
        const split = latin1Text(concatOctets([...out, end.tail]))
        expect({ text: split, ...end.form }).toEqual(form(whole))
        const lines = whole.replace(/\r?\n/g, '\r\n')
        const ended = lines === '' || lines.endsWith('\r\n') ? lines : lines.replace(/\r?$/, '\r\n')
        expect(split).toBe(ended)
        expect(form(split)).toEqual(form(whole))
        expect(end.form.needsStuffing).toBe(/(^|\n)\./.test(split))
        const blank = split.startsWith('\r\n')
          ? 2
          : split.indexOf('\n\r\n') < 0
            ? split.length
            : split.indexOf('\n\r\n') + 3
        expect(end.form.bodyOffset).toBe(blank)
      }),
      { numRuns: 2000 },
    )
  })
})
