/** One line of a dialogue, with where it stands in its file. */
export type Turn = { readonly line: number } & (
  | { readonly kind: 'say'; readonly octets: Uint8Array }
  | { readonly kind: 'expect'; readonly text: string }
  | { readonly kind: 'match'; readonly pattern: RegExp }
  | { readonly kind: 'unfinished'; readonly text: string }
  | { readonly kind: 'event'; readonly name: string; readonly rest: string }
)

/** A dialogue as written. */
export interface Dialogue {
  readonly name: string
  /** Lines that start with `#`, without it. */
  readonly remarks: readonly string[]
  /** Lines that start with `=`: what the peer's world is like. */
  readonly settings: readonly { readonly line: number; readonly name: string; readonly rest: string }[]
  readonly turns: readonly Turn[]
}

/** A line that is no dialogue. */
export class DialogueError extends Error {
  readonly code = 'BAD_DIALOGUE'
}

/**
 * Reads the text of a dialogue (see README.md). `name` stands in errors. One character is one octet, except in
 * `S:` lines, where it is compared with what was received as UTF-8.
 */
export function parseDialogue(text: string, name: string): Dialogue {
  const remarks: string[] = []
  const settings: { line: number; name: string; rest: string }[] = []
  const turns: Turn[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = index + 1
    const whole = raw.endsWith('\r') ? raw.slice(0, -1) : raw
    if (whole.trim() === '') continue
    if (whole.startsWith('#')) {
      remarks.push(whole.slice(1).trim())
      continue
    }
    const match = /^(C:|C~|S:|S~|S\+|=|!)(?: (.*))?$/s.exec(whole)
    if (match === null) throw new DialogueError(`${name}:${line}: not a dialogue line: ${whole}`)
    const [, mark, rest = ''] = match
    if (mark === 'C:') turns.push({ kind: 'say', line, octets: spell(`${rest}\\r\\n`, name, line) })
    else if (mark === 'C~') turns.push({ kind: 'say', line, octets: spell(rest, name, line) })
    else if (mark === 'S:') turns.push({ kind: 'expect', line, text: rest })
    else if (mark === 'S+') turns.push({ kind: 'unfinished', line, text: rest })
    else if (mark === 'S~') turns.push({ kind: 'match', line, pattern: patternOf(rest, name, line) })
    else {
      const space = rest.indexOf(' ')
      const word = space < 0 ? rest : rest.slice(0, space)
      const said = { line, name: word, rest: space < 0 ? '' : rest.slice(space + 1) }
      if (mark === '=') settings.push(said)
      else turns.push({ kind: 'event', ...said })
    }
  }
  return { name, remarks, settings, turns }
}

/** The octets a text with `\r \n \t \0 \\ \xHH` and `\{text*count}` spells; other characters as UTF-8. */
export function spell(text: string, name = 'text', line = 0): Uint8Array {
  const parts: Buffer[] = []
  const pattern =
    /\\(?:x([0-9a-fA-F]{2})|\{((?:[^\\{}]|\\(?:x[0-9a-fA-F]{2}|[rnt0\\]))*)\*(\d+)\}|([rnt0\\]))|([^\\]+)|(\\)/gs
  for (const match of text.matchAll(pattern)) {
    const [, hex, repeated, count, letter, plain] = match
    if (plain !== undefined) parts.push(Buffer.from(plain, 'utf8'))
    else if (hex !== undefined) parts.push(Buffer.from(hex, 'hex'))
    else if (letter !== undefined) {
      parts.push(
        Buffer.from({ r: '\r', n: '\n', t: '\t', '0': '\0', '\\': '\\' }[letter] as string, 'latin1'),
      )
    } else if (repeated !== undefined) {
      const piece = Buffer.from(spell(repeated, name, line))
      parts.push(Buffer.alloc(piece.length * Number(count), piece))
    } else throw new DialogueError(`${name}:${line}: unknown escape in: ${text}`)
  }
  return new Uint8Array(Buffer.concat(parts))
}

function patternOf(text: string, name: string, line: number): RegExp {
  try {
    return new RegExp(`^(?:${text})$`, 'u')
  } catch (cause) {
    throw new DialogueError(`${name}:${line}: not a pattern: ${text}`, { cause })
  }
}
