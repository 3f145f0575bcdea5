import { latin1Text, utf8Text } from '@restante/mail'

/** A server's first line of a reply, taken apart (RFC 1939 §3, RFC 2449 §8, RFC 5034 §4). */
export interface StatusLine {
  /** `challenge` = `+ …`, the server's move in an AUTH exchange. */
  readonly status: 'ok' | 'err' | 'challenge'
  /** The response code in upper case, `IN-USE`, `SYS/TEMP`; null where there is none. */
  readonly responseCode: string | null
  /** What follows, without the response code; UTF-8 where it is, else one character per octet. */
  readonly text: string
}

/** Reads a line without its line end; null where it is no status line. */
export function parseStatusLine(line: Uint8Array): StatusLine | null {
  const said = utf8Text(line) ?? latin1Text(line)
  const parts = /^(?:(\+OK)|(-ERR)|(\+))(?: |$)/i.exec(said)
  if (parts === null) return null
  const rest = said.slice(parts[0].length)
  if (parts[3] !== undefined) return { status: 'challenge', responseCode: null, text: rest }
  // resp-code = "[" resp-level *("/" resp-level) "]"
  const code = /^\[([!-.0-Z^-~]+(?:\/[!-.0-Z^-~]+)*)\] ?/.exec(rest)
  return {
    status: parts[1] === undefined ? 'err' : 'ok',
    responseCode: code === null ? null : (code[1] as string).toUpperCase(),
    text: code === null ? rest : rest.slice(code[0].length),
  }
}
