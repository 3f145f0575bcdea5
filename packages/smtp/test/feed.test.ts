import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FeedEvent, InputFeed } from '../src/feed.ts'

const LIMITS = { lineOctets: 20, runawayOctets: 60 }

/** Feeds chunks, switching modes as a server would: DATA and `B<n>` lines. Joins neighbouring octets. */
function run(chunks: readonly Buffer[], limits = LIMITS): string[] {
  const feed = new InputFeed(limits)
  const seen: string[] = []
  let octets = ''
  const flush = (): void => {
    if (octets !== '') seen.push(`octets ${JSON.stringify(octets)}`)
    octets = ''
  }
  for (const chunk of chunks) {
    feed.push(Buffer.from(chunk))
    for (let event = feed.next(); event !== null; event = feed.next()) {
      if (event.kind === 'data' || event.kind === 'chunk') {
        octets += event.octets.toString('latin1')
        continue
      }
      flush()
      seen.push(describeEvent(event))
      if (event.kind === 'runaway') return seen
      if (event.kind !== 'line') continue
      const line = event.line.toString('latin1')
      if (line === 'DATA') feed.startData()
      const chunkLine = /^B(\d+)$/.exec(line)
      if (chunkLine !== null) feed.startChunk(Number(chunkLine[1]))
    }
  }
  flush()
  return seen
}

function describeEvent(event: FeedEvent): string {
  return event.kind === 'line' ? `line ${JSON.stringify(event.line.toString('latin1'))}` : event.kind
}

function whole(text: string): Buffer[] {
  return [Buffer.from(text, 'latin1')]
}

function octetByOctet(text: string): Buffer[] {
  return [...text].map((character) => Buffer.from(character, 'latin1'))
}

const CASES: readonly (readonly [name: string, input: string, events: readonly string[]])[] = [
  ['a line', 'NOOP\r\n', ['line "NOOP"']],
  ['an empty line', '\r\n', ['line ""']],
  ['two lines', 'A\r\nB\r\n', ['line "A"', 'line "B"']],
  ['no line end yet', 'NOOP', []],
  ['bare LF ends nothing', 'A\nB\r\n', ['line "A\\nB"']],
  ['bare CR ends nothing', 'A\rB\r\r\n', ['line "A\\rB\\r"']],
  ['LF CR ends nothing', 'A\n\rB\r\n', ['line "A\\n\\rB"']],
  ['longest line', `${'x'.repeat(20)}\r\nA\r\n`, [`line "${'x'.repeat(20)}"`, 'line "A"']],
  ['a line too long, then a good one', `${'x'.repeat(21)}\r\nA\r\n`, ['line-too-long', 'line "A"']],
  ['a line that never ends', 'x'.repeat(61), ['runaway']],
  ['no mail data', 'DATA\r\n.\r\n', ['line "DATA"', 'data-end']],
  ['mail data', 'DATA\r\na\r\n.\r\nQ\r\n', ['line "DATA"', 'octets "a\\r\\n"', 'data-end', 'line "Q"']],
  [
    'stuffed dots',
    'DATA\r\n..\r\n...a\r\nb.\r\n.\r\n',
    ['line "DATA"', 'octets ".\\r\\n..a\\r\\nb.\\r\\n"', 'data-end'],
  ],
  ['a dot that should be stuffed', 'DATA\r\n.a\r\n.\r\n', ['line "DATA"', 'octets "a\\r\\n"', 'data-end']],
  ['a dot and a lone CR', 'DATA\r\n.\rb\r\n.\r\n', ['line "DATA"', 'octets "\\rb\\r\\n"', 'data-end']],
  ['a dot, CR, CR LF', 'DATA\r\n.\r\r\n.\r\n', ['line "DATA"', 'octets "\\r\\r\\n"', 'data-end']],
  [
    'LF . LF ends nothing',
    'DATA\r\na\n.\nb\r\n.\r\n',
    ['line "DATA"', 'octets "a\\n.\\nb\\r\\n"', 'data-end'],
  ],
  [
    'LF . CRLF ends nothing',
    'DATA\r\na\n.\r\nb\r\n.\r\n',
    ['line "DATA"', 'octets "a\\n.\\r\\nb\\r\\n"', 'data-end'],
  ],
  [
    'CRLF . LF ends nothing',
    'DATA\r\na\r\n.\nb\r\n.\r\n',
    ['line "DATA"', 'octets "a\\r\\n\\nb\\r\\n"', 'data-end'],
  ],
  [
    'CR . CR ends nothing',
    'DATA\r\na\r.\rb\r\n.\r\n',
    ['line "DATA"', 'octets "a\\r.\\rb\\r\\n"', 'data-end'],
  ],
  [
    'CRLF . CR ends nothing',
    'DATA\r\na\r\n.\r.\r\n.\r\n',
    ['line "DATA"', 'octets "a\\r\\n\\r.\\r\\n"', 'data-end'],
  ],
  [
    'NUL in the end mark',
    'DATA\r\na\r\n\0.\r\n.\r\n',
    ['line "DATA"', 'octets "a\\r\\n\\u0000.\\r\\n"', 'data-end'],
  ],
  ['a chunk', 'B3\r\na\r\nQ\r\n', ['line "B3"', 'octets "a\\r\\n"', 'chunk-end', 'line "Q"']],
  ['an empty chunk', 'B0\r\nQ\r\n', ['line "B0"', 'chunk-end', 'line "Q"']],
  ['a chunk keeps dots', 'B5\r\n.\r\n..Q\r\n', ['line "B5"', 'octets ".\\r\\n.."', 'chunk-end', 'line "Q"']],
  [
    'chunks in a row',
    'B1\r\naB1\r\nb',
    ['line "B1"', 'octets "a"', 'chunk-end', 'line "B1"', 'octets "b"', 'chunk-end'],
  ],
]

describe('input feed', () => {
  test.each(CASES)('%s', (_name, input, events) => {
    expect(run(whole(input))).toEqual(events)
    expect(run(octetByOctet(input))).toEqual(events)
  })

  test('gives the same events however the octets are cut', () => {
    const word = fc.constantFrom(
      'DATA\r\n',
      'B4\r\n',
      '.\r\n',
      '\r\n',
      '..',
      '.',
      '\r',
      '\n',
      '\0',
      'abc',
      'x'.repeat(9),
    )
    const input = fc.array(word, { maxLength: 40 }).map((words) => words.join(''))
    fc.assert(
      fc.property(input, fc.array(fc.nat(), { maxLength: 12 }), (text, cuts) => {
        const octets = Buffer.from(text, 'latin1')
        const at = [0, ...cuts.map((cut) => cut % (octets.length + 1)).sort((a, b) => a - b), octets.length]
        const chunks = at.slice(1).map((end, index) => octets.subarray(at[index], end))
        const events = run([octets])
        expect(run(chunks)).toEqual(events)
        expect(run(octetByOctet(text))).toEqual(events)
      }),
      { numRuns: 2_000 },
    )
  })

  test('gives back what a sender stuffed', () => {
    const line = fc.array(fc.constantFrom('.', 'a', '\r', '\n', '\0', '\xff'), { maxLength: 6 })
    const message = fc
      .array(
        line.map((parts) => parts.join('')),
        { maxLength: 12 },
      )
      .map((lines) => lines.map((text) => `${text.replaceAll('\r\n', '\n')}\r\n`).join(''))
    fc.assert(
      fc.property(message, fc.nat(), (text, cut) => {
        const stuffed = text.replace(/(^|\r\n)\./g, '$1..')
        const wire = Buffer.from(`DATA\r\n${stuffed}.\r\n`, 'latin1')
        const at = cut % wire.length
        const events = run([wire.subarray(0, at), wire.subarray(at)])
        expect(events.at(-1)).toBe('data-end')
        expect(events.length === 2 ? '' : JSON.parse((events[1] as string).slice(7))).toBe(text)
      }),
      { numRuns: 2_000 },
    )
  })

  test('knows when part of a line is held', () => {
    const feed = new InputFeed(LIMITS)
    feed.push(Buffer.from('NO'))
    expect(feed.next()).toBeNull()
    expect(feed.holdsPartialLine).toBe(true)
    feed.push(Buffer.from('OP\r\n'))
    expect(feed.next()).toEqual({ kind: 'line', line: Buffer.from('NOOP') })
    expect(feed.holdsPartialLine).toBe(false)
  })

  test('forgets on request', () => {
    const feed = new InputFeed(LIMITS)
    feed.push(Buffer.from('STARTTLS\r\nNOOP\r\nNO'))
    feed.next()
    feed.discard()
    expect(feed.next()).toBeNull()
    feed.push(Buffer.from('QUIT\r\n'))
    expect(feed.next()).toEqual({ kind: 'line', line: Buffer.from('QUIT') })
  })
})
