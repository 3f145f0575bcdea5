/** What a made-up mail looks like: one plain text, or plain and HTML with links side by side. */
export type MailShape = 'plain' | 'html'

/** A mail to be made; the same order gives the same octets. */
export interface MailOrder {
  /** Exact octets in stored form (CRLF, unstuffed). At least 600. */
  readonly sizeOctets: number
  readonly seed: number
  readonly shape?: MailShape
  /** Which of two kinds of words it uses; mail of one kind resembles other mail of that kind. */
  readonly words?: 'letters' | 'offers'
  /** One line in a hundred starts with a dot. */
  readonly dots?: boolean
}

const SYLLABLES = {
  letters: ['an', 'ber', 'lo', 'mi', 'tor', 'sen', 'ka', 'rel', 'du', 'fin', 'gar', 'hes', 'we', 'ol', 'tim'],
  offers: ['zap', 'quo', 'vex', 'jum', 'pri', 'xil', 'buk', 'dro', 'cha', 'win', 'yel', 'fro', 'gli', 'nux'],
} as const

const LINE = 74
const CRLF = 2

/** A small generator of the same numbers for the same seed (mulberry32), 0 to 1. */
function numbersFrom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

function vocabulary(kind: 'letters' | 'offers', next: () => number): readonly string[] {
  const syllables = SYLLABLES[kind]
  return Array.from({ length: 400 }, () =>
    Array.from(
      { length: 1 + Math.floor(next() * 4) },
      () => syllables[Math.floor(next() * syllables.length)],
    ).join(''),
  )
}

/** Lines of words that take exactly `octets` with their line ends; none starts with a dot unless wanted. */
function textLines(octets: number, words: readonly string[], next: () => number, dots: boolean): string[] {
  const lines: string[] = []
  let left = octets
  while (left > 0) {
    let length = Math.min(LINE, left - CRLF)
    // What is left over must have room for a line of its own.
    const over = left - CRLF - length
    if (over > 0 && over < CRLF + 1) length -= CRLF + 1
    let line = dots && lines.length % 100 === 7 ? '.' : ''
    while (line.length < length) line += `${words[Math.floor(next() * words.length)]} `
    line = line.slice(0, length)
    // No line of one dot, and no blank at an end.
    if (line === '.') line = 'x'
    if (line.endsWith(' ')) line = `${line.slice(0, -1)}.`
    if (line === '.') line = 'x'
    lines.push(line)
    left -= length + CRLF
  }
  return lines
}

/** Makes a mail in stored form: CRLF, a final CRLF, not dot-stuffed. */
export function makeMail(order: MailOrder): Buffer {
  const { sizeOctets, seed, shape = 'plain', words: kind = 'letters', dots = false } = order
  if (sizeOctets < 600) throw new RangeError('a made-up mail has at least 600 octets')
  const next = numbersFrom(seed)
  const words = vocabulary(kind, numbersFrom(kind.length))
  const word = (): string => words[Math.floor(next() * words.length)] as string
  const header = [
    `From: ${word()} ${word()} <${word()}@sender.example>`,
    'To: Bench <bench@bench.test>',
    `Subject: ${word()} ${word()} ${word()}`,
    'Date: Sun, 22 Nov 2026 04:00:00 +0000',
    `Message-ID: <${seed}.${Math.floor(next() * 1e9)}@sender.example>`,
    'MIME-Version: 1.0',
  ]
  if (shape === 'plain') {
    const head = `${[...header, 'Content-Type: text/plain; charset=utf-8', '', ''].join('\r\n')}`
    const text = textLines(sizeOctets - Buffer.byteLength(head), words, next, dots)
    return Buffer.from(`${head}${text.join('\r\n')}\r\n`)
  }
  const boundary = `=_${seed}_bench`
  const head = [
    ...header,
    `Content-Type: multipart/alternative; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=utf-8',
    '',
    '',
  ].join('\r\n')
  const link = (): string =>
    `<p><a href="https://www.${word()}.example/${word()}">${word()} ${word()}</a></p>`
  const between = [
    '',
    `--${boundary}`,
    'Content-Type: text/html; charset=utf-8',
    '',
    '<html><body>',
    link(),
    link(),
    link(),
    '<p>',
    '',
  ].join('\r\n')
  const tail = ['</p></body></html>', `--${boundary}--`, ''].join('\r\n')
  const room = sizeOctets - Buffer.byteLength(head + between + tail)
  if (room < 10) throw new RangeError(`${sizeOctets} octets are too few for a mail with HTML`)
  const plain = Math.floor(room / 2)
  const texts = [plain, room - plain].map(
    (octets) => `${textLines(octets, words, next, dots).join('\r\n')}\r\n`,
  )
  return Buffer.from(`${head}${texts[0]}${between}${texts[1]}${tail}`)
}

/** Lines of a stored mail that start with a dot: so many octets dot-stuffing adds (RFC 5321 §4.5.2, RFC 1939 §3). */
export function countDotLines(stored: Buffer): number {
  let count = stored[0] === 0x2e ? 1 : 0
  for (let at = stored.indexOf('\r\n.'); at >= 0; at = stored.indexOf('\r\n.', at + 2)) count++
  return count
}

/** A stored mail as DATA carries it: dot-stuffed, with the final dot line. */
export function mailData(stored: Buffer): Buffer {
  const text = stored.toString('latin1').replace(/(^|\r\n)\./g, '$1..')
  return Buffer.from(`${text}.\r\n`, 'latin1')
}
