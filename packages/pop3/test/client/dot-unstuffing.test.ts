import { concatOctets, latin1Octets, latin1Text, toStoredForm } from '@restante/mail'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DotUnstuffer, stuffDots } from '../../src/index.ts'

/** Pushes a reply in chunks; what it held, and what came after it. */
function unstuff(chunks: readonly Uint8Array[]): { text: string; rest: string; ended: boolean } {
  const unstuffer = new DotUnstuffer()
  let text = ''
  for (const [i, chunk] of chunks.entries()) {
    const { pieces, consumed, ended } = unstuffer.push(chunk)
    text += pieces.map((piece) => latin1Text(piece)).join('')
    if (ended) {
      const rest = [chunk.subarray(consumed), ...chunks.slice(i + 1)]
      return { text, rest: latin1Text(concatOctets(rest)), ended }
    }
    expect(consumed).toBe(chunk.length)
  }
  return { text, rest: '', ended: false }
}

const CASES: readonly (readonly [wire: string, text: string])[] = [
  ['.\r\n', ''],
  ['a\r\n.\r\n', 'a\r\n'],
  ['..\r\n.\r\n', '.\r\n'],
  ['...a\r\n.\r\n', '..a\r\n'],
  ['a\n.\r\nb\r\n.\r\n', 'a\n.\r\nb\r\n'],
  ['a\n..\n\r\n.\r\n', 'a\n..\n\r\n'],
  ['a\r.\r\nb\r\n.\r\n', 'a\r.\r\nb\r\n'],
  ['..\r\r\n.\r\n', '.\r\r\n'],
  ['.\rx\r\n.\r\n', '\rx\r\n'],
  ['.\r\r\n.\r\n', '\r\r\n'],
  ['.x\r\n.\r\n', 'x\r\n'],
  ['\r\n\r\n.\r\n', '\r\n\r\n'],
  ['a\r\r\n.\r\n', 'a\r\r\n'],
  ['\n.\r\n\r\n.\r\n', '\n.\r\n\r\n'],
]

test.each(CASES)('%j is %j', (wire, text) => {
  const octets = latin1Octets(`${wire}+OK next`)
  expect(unstuff([octets])).toEqual({ text, rest: '+OK next', ended: true })
})

test.each(CASES)('%j, octet by octet and cut in two anywhere', (wire, text) => {
  const octets = latin1Octets(wire)
  expect(unstuff(Array.from(octets, (octet) => Uint8Array.of(octet)))).toEqual({
    text,
    rest: '',
    ended: true,
  })
  for (let at = 0; at <= octets.length; at++) {
    const halves = [octets.subarray(0, at), octets.subarray(at)]
    expect(unstuff(halves)).toEqual({ text, rest: '', ended: true })
  }
})

test('what the server stuffs comes back, whatever the chunks', () => {
  const letter = fc.constantFrom(13, 10, 46, 97, 0, 255)
  fc.assert(
    fc.property(
      fc.array(letter, { maxLength: 60 }),
      fc.array(fc.nat(90), { maxLength: 6 }),
      (message, cuts) => {
        const { octets } = toStoredForm(Uint8Array.from(message))
        const wire = concatOctets([stuffDots(octets, true).octets, latin1Octets('.\r\n+OK')])
        const places = [
          0,
          ...cuts.map((cut) => Math.min(cut, wire.length)).sort((a, b) => a - b),
          wire.length,
        ]
        const chunks = places.slice(1).map((place, i) => wire.subarray(places[i], place))
        expect(unstuff(chunks)).toEqual({ text: latin1Text(octets), rest: '+OK', ended: true })
      },
    ),
    { numRuns: 500 },
  )
})
