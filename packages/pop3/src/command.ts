import { CR, latin1Text, utf8Text } from '@restante/mail'

/** A command as the session understands it (RFC 1939, 2449, 2595, 5034, 6856). */
export type Command =
  | { readonly verb: 'STAT' | 'NOOP' | 'RSET' | 'QUIT' | 'CAPA' | 'STLS' | 'UTF8' }
  | { readonly verb: 'RETR' | 'DELE'; readonly number: number }
  | { readonly verb: 'LIST' | 'UIDL'; readonly number: number | null }
  | { readonly verb: 'TOP'; readonly number: number; readonly lines: number }
  | { readonly verb: 'USER' | 'PASS'; readonly text: string }
  | { readonly verb: 'AUTH'; readonly mechanism: string | null; readonly initial: string | null }
  | { readonly verb: 'LANG'; readonly tag: string | null }
  | { readonly verb: 'XCLIENT'; readonly attributes: ReadonlyMap<string, string> }

/** Why a line is no command. `http` = a web client that got lost or was sent here. */
export type CommandRefusal =
  | 'unknown-command'
  | 'bad-argument'
  | 'missing-argument'
  | 'bad-octets'
  | 'bad-text'
  | 'http'

/** A line's meaning, or why it has none. */
export type ParsedCommand = Command | { readonly refuse: CommandRefusal; readonly verb?: string }

type Form =
  | 'nothing'
  | 'number'
  | 'maybe-number'
  | 'number-lines'
  | 'text'
  | 'mechanism'
  | 'language'
  | 'attributes'

const FORMS: ReadonlyMap<string, Form> = new Map<string, Form>([
  ['STAT', 'nothing'],
  ['LIST', 'maybe-number'],
  ['UIDL', 'maybe-number'],
  ['RETR', 'number'],
  ['DELE', 'number'],
  ['TOP', 'number-lines'],
  ['NOOP', 'nothing'],
  ['RSET', 'nothing'],
  ['QUIT', 'nothing'],
  ['USER', 'text'],
  ['PASS', 'text'],
  ['CAPA', 'nothing'],
  ['STLS', 'nothing'],
  ['AUTH', 'mechanism'],
  ['UTF8', 'nothing'],
  ['LANG', 'language'],
  ['XCLIENT', 'attributes'],
])

const HTTP = /^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|CONNECT|TRACE|PATCH|PRI)$/
const SPACE = 32
const LARGEST = 4294967295

/**
 * Reads one line without its line end. Keywords in any case; one space between arguments; trailing spaces
 * tolerated except where an argument is free text. NUL and a bare CR are refused wherever they stand.
 */
export function parseCommand(line: Uint8Array): ParsedCommand {
  if (line.indexOf(0) >= 0 || line.indexOf(CR) >= 0) return { refuse: 'bad-octets' }
  let end = line.indexOf(SPACE)
  if (end < 0) end = line.length
  if (end > 12) return { refuse: 'unknown-command' }
  let verb = ''
  for (let i = 0; i < end; i++) {
    const octet = line[i] as number
    verb += String.fromCharCode(octet >= 97 && octet <= 122 ? octet - 32 : octet)
  }
  const form = FORMS.get(verb)
  if (form === undefined) return { refuse: HTTP.test(verb) ? 'http' : 'unknown-command' }
  if (form === 'text') {
    if (end + 1 >= line.length) return { refuse: 'missing-argument', verb }
    const text = utf8Text(line.subarray(end + 1))
    return text === null ? { refuse: 'bad-text', verb } : { verb: verb as 'USER', text }
  }
  let last = line.length
  while (last > end && line[last - 1] === SPACE) last--
  const from = end + 1
  if (form === 'nothing') {
    return last > end ? { refuse: 'bad-argument', verb } : { verb: verb as 'STAT' }
  }
  if (form === 'maybe-number' && last <= end) return { verb: verb as 'LIST', number: null }
  if (form === 'number' || form === 'maybe-number') {
    if (last <= end) return { refuse: 'missing-argument', verb }
    const number = readNumber(line, from, last)
    return number < 1 ? { refuse: 'bad-argument', verb } : { verb: verb as 'RETR', number }
  }
  if (form === 'number-lines') {
    const space = last <= end ? -1 : line.indexOf(SPACE, from)
    if (space < 0 || space >= last) return { refuse: 'missing-argument', verb }
    const number = readNumber(line, from, space)
    const lines = readNumber(line, space + 1, last)
    return number < 1 || lines < 0 ? { refuse: 'bad-argument', verb } : { verb: 'TOP', number, lines }
  }
  const words = last <= end ? [] : latin1Text(line, from, last).split(' ')
  if (words.includes('')) return { refuse: 'bad-argument', verb }
  if (form === 'attributes') {
    const attributes = new Map<string, string>()
    for (const word of words) {
      const equals = word.indexOf('=')
      if (equals < 1) return { refuse: 'bad-argument', verb }
      attributes.set(word.slice(0, equals).toUpperCase(), word.slice(equals + 1))
    }
    return attributes.size === 0 ? { refuse: 'missing-argument', verb } : { verb: 'XCLIENT', attributes }
  }
  if (words.length > (form === 'mechanism' ? 2 : 1)) return { refuse: 'bad-argument', verb }
  if (form === 'language') return { verb: 'LANG', tag: words[0] ?? null }
  return { verb: 'AUTH', mechanism: words[0]?.toUpperCase() ?? null, initial: words[1] ?? null }
}

/** Plain decimal digits without sign or leading zero, up to 2^32-1; -1 for anything else. */
function readNumber(line: Uint8Array, from: number, end: number): number {
  if (end <= from || end - from > 10) return -1
  if (line[from] === 48) return end - from === 1 ? 0 : -1
  let value = 0
  for (let i = from; i < end; i++) {
    const digit = (line[i] as number) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value > LARGEST ? -1 : value
}
