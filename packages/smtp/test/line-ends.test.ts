import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findBareLineEnd, LineEndFilter, type LineEndPolicy } from '../src/line-ends.ts'

function filter(policy: LineEndPolicy, chunks: readonly string[]): { text: string; violated: boolean } {
  const ends = new LineEndFilter(policy)
  let text = ''
  for (const chunk of chunks) text += ends.push(Buffer.from(chunk, 'latin1')).toString('latin1')
  text += ends.end().toString('latin1')
  return { text, violated: ends.violated }
}

/** The policy `normalize` in one breath. */
function normalized(text: string): string {
  const paired = text.replace(/\r\n|\r|\n/g, '\r\n')
  return paired === '' || paired.endsWith('\r\n') ? paired : `${paired}\r\n`
}

const wild = fc.array(fc.constantFrom('\r', '\n', '\r\n', 'a', '\t', '\0', '.', '\xff', 'abcdefgh'), {
  maxLength: 40,
})

describe('line ends', () => {
  test('normalize makes every line end CRLF, however the octets are cut', () => {
    fc.assert(
      fc.property(wild, (parts) => {
        const text = parts.join('')
        expect(filter('normalize', [text])).toEqual({ text: normalized(text), violated: false })
        expect(filter('normalize', parts)).toEqual({ text: normalized(text), violated: false })
        expect(filter('normalize', [...text])).toEqual({ text: normalized(text), violated: false })
      }),
      { numRuns: 3_000 },
    )
  })

  test('reject changes nothing and sees every bare CR, bare LF and NUL', () => {
    fc.assert(
      fc.property(wild, (parts) => {
        const text = parts.join('')
        const bad = /\0|\r(?!\n)|(?<!\r)\n/.test(text)
        expect(filter('reject', [text])).toEqual({ text, violated: bad })
        expect(filter('reject', parts)).toEqual({ text, violated: bad })
      }),
      { numRuns: 3_000 },
    )
  })

  test('keep keeps', () => {
    expect(filter('keep', ['a\rb\nc\0'])).toEqual({ text: 'a\rb\nc\0', violated: false })
  })

  test('hands clean octets on without copying', () => {
    const octets = Buffer.from('a\r\nb\r\n')
    expect(new LineEndFilter('normalize').push(octets)).toBe(octets)
  })

  test('the search by words finds what a search by octets finds, at every alignment', () => {
    const octets = fc.array(fc.constantFrom(0, 9, 10, 13, 14, 65, 127, 128, 138, 255), { maxLength: 40 })
    fc.assert(
      fc.property(octets, fc.nat(7), fc.boolean(), fc.boolean(), (values, offset, afterCr, refuseNul) => {
        const backing = Buffer.alloc(values.length + offset)
        backing.set(values, offset)
        let expected = -1
        let previous = afterCr ? 13 : 0
        for (const [index, value] of values.entries()) {
          const bare = value === 10 ? previous !== 13 : previous === 13 || (refuseNul && value === 0)
          if (bare && expected < 0) expected = index
          previous = value
        }
        expect(findBareLineEnd(backing.subarray(offset), afterCr, refuseNul)).toBe(expected)
      }),
      { numRuns: 5_000 },
    )
  })
})
