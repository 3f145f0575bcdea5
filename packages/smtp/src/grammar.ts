import { isIPv4, isIPv6 } from 'node:net'
import { type Path, parsePath, REPLIES, type Reply, utf8Text } from '@restante/mail'
import { PROTOCOL_REPLIES } from './protocol-replies.ts'

/** A command line taken apart; `argument` is null where the line was the verb alone. */
export interface CommandLine {
  /** Upper case. */
  readonly verb: string
  readonly argument: string | null
}

/** What reading a peer's text gives: the value, or the reply that refuses it. */
export type Parsed<T> = { readonly ok: T } | { readonly refuse: Reply }

/** An ESMTP keyword (upper case) and its value, null where none was given (RFC 5321 §4.1.2 esmtp-param). */
export type Parameters = ReadonlyMap<string, string | null>

/** The address and parameters of MAIL or RCPT. */
export interface AddressArgument {
  /** Null for `<>`. Only `<Postmaster>` may come without a domain (RFC 5321 §4.1.1.3), empty here. */
  readonly path: Path | null
  /** Whether the path is all ASCII. */
  readonly ascii: boolean
  readonly parameters: Parameters
}

/** `<` local `@` domain `>` (RFC 5321 §4.5.3.1.3). */
export const PATH_OCTETS = 256

const CONTROL = /[\u0000-\u001f\u007f]/
/** Controls and invisible characters that no address needs and that make two addresses look alike. */
const DECEPTIVE = /[\u0080-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\ufeff]/
const SOURCE_ROUTE = /^@[^\s,:@<>"]+(?:,@[^\s,:@<>"]+)*:/
const KEYWORD = /^[A-Za-z0-9][A-Za-z0-9-]*$/
/** Laxer than RFC 5321 in letting `=` pass: real ENVIDs hold it. */
const VALUE = /^[^\u0000-\u0020\u007f]+$/u

/**
 * Verb and argument of a line. Refuses NUL, bare CR, bare LF, other controls and octets that are not UTF-8.
 *
 * @param line the octets before CRLF
 */
export function parseCommandLine(line: Buffer): Parsed<CommandLine> {
  const text = isAscii(line) ? line.toString('latin1') : utf8Text(line)
  if (text === null) return { refuse: PROTOCOL_REPLIES['not-utf8'] }
  if (CONTROL.test(text.replaceAll('\t', ' '))) return { refuse: PROTOCOL_REPLIES['control-in-command'] }
  const space = text.search(/[ \t]/)
  if (space < 0) return { ok: { verb: text.toUpperCase(), argument: null } }
  const argument = text.slice(space + 1).trim()
  return { ok: { verb: text.slice(0, space).toUpperCase(), argument: argument === '' ? null : argument } }
}

/**
 * Reads `FROM:<path> parameters` or `TO:<path> parameters` (RFC 5321 §3.3, §4.1.2). Quoted local parts may
 * hold spaces, `@` and `>`; a source route is dropped; anything between `>` and the next space is refused.
 *
 * @param keyword `FROM` or `TO`
 * @param refuse what a malformed address is answered with
 */
export function parseAddressArgument(
  keyword: 'FROM' | 'TO',
  argument: string,
  refuse: Reply,
): Parsed<AddressArgument> {
  const head = argument.slice(0, keyword.length + 1)
  if (head.toUpperCase() !== `${keyword}:`) return { refuse: PROTOCOL_REPLIES['argument-syntax'] }
  const rest = argument.slice(head.length).trimStart()
  const close = closingBracket(rest)
  if (close < 0) return { refuse }
  const after = rest.slice(close + 1)
  if (after !== '' && after[0] !== ' ' && after[0] !== '\t') return { refuse }
  const parameters = parseParameters(after)
  if ('refuse' in parameters) return parameters
  const text = rest.slice(1, close).replace(SOURCE_ROUTE, '')
  const ascii = !/[^\u0000-\u007f]/.test(text)
  if (text === '') return { ok: { path: null, ascii, parameters: parameters.ok } }
  if (DECEPTIVE.test(text) || Buffer.byteLength(text) > PATH_OCTETS - 2) return { refuse }
  if (keyword === 'TO' && text.toLowerCase() === 'postmaster') {
    return { ok: { path: { localPart: text, domain: '' }, ascii, parameters: parameters.ok } }
  }
  const path = parsePath(text)
  if (path === null || !isUsableDomain(path.domain)) return { refuse }
  return { ok: { path, ascii, parameters: parameters.ok } }
}

/** Index of the `>` that ends the path at the start of `text`, or -1. Brackets inside quotes do not count. */
function closingBracket(text: string): number {
  if (text[0] !== '<') return -1
  let quoted = false
  for (let at = 1; at < text.length; at++) {
    const character = text[at]
    if (quoted && character === '\\') at++
    else if (character === '"') quoted = !quoted
    else if (!quoted && (character === '>' || character === '<')) return character === '>' ? at : -1
  }
  return -1
}

function isUsableDomain(domain: string): boolean {
  if (!domain.startsWith('[')) return domain.split('.').every((label) => Buffer.byteLength(label) <= 63)
  const literal = domain.slice(1, -1)
  return /^ipv6:/i.test(literal) ? isIPv6(literal.slice(5)) : isIPv4(literal)
}

function parseParameters(text: string): Parsed<Parameters> {
  const parameters = new Map<string, string | null>()
  for (const word of text.split(/[ \t]+/)) {
    if (word === '') continue
    const equals = word.indexOf('=')
    const keyword = equals < 0 ? word : word.slice(0, equals)
    const value = equals < 0 ? null : word.slice(equals + 1)
    if (!KEYWORD.test(keyword) || (value !== null && !VALUE.test(value))) {
      return { refuse: PROTOCOL_REPLIES['parameter-syntax'] }
    }
    const name = keyword.toUpperCase()
    if (parameters.has(name)) return { refuse: PROTOCOL_REPLIES['parameter-twice'] }
    parameters.set(name, value)
  }
  return { ok: parameters }
}

/**
 * The name after HELO, EHLO or LHLO. Lenient, since real clients send bare addresses and machine names:
 * one word of printable characters, at most 255 octets (RFC 5321 §4.5.3.1.2).
 */
export function parseHelo(argument: string | null): Parsed<string> {
  if (argument === null || /[\s\u0080-\u009f]/.test(argument) || Buffer.byteLength(argument) > 255) {
    return { refuse: PROTOCOL_REPLIES['helo-syntax'] }
  }
  return { ok: argument }
}

/** Decodes xtext (RFC 3461 §4): `+XX` stands for an octet. Null where it is malformed. */
export function decodeXtext(text: string): string | null {
  if (!/^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/.test(text)) return null
  return text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** Refusals of MAIL and RCPT addresses. */
export const SENDER_SYNTAX: Reply = REPLIES['sender-syntax']
export const RECIPIENT_SYNTAX: Reply = REPLIES['recipient-syntax']

function isAscii(octets: Buffer): boolean {
  for (const octet of octets) if (octet > 127) return false
  return true
}
