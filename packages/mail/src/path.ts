/** A mail address as the envelope carries it (RFC 5321 §4.1.2). `localPart` is unquoted; `domain` as given. */
export interface Path {
  readonly localPart: string
  readonly domain: string
}

const ATOM =
  /^[\p{L}\p{N}\p{M}!#$%&'*+\-/=?^_`{|}~\u0080-\u{10ffff}]+(?:\.[\p{L}\p{N}\p{M}!#$%&'*+\-/=?^_`{|}~\u0080-\u{10ffff}]+)*$/u
const DOMAIN =
  /^(?:[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}_-]*[\p{L}\p{N}\p{M}])?)(?:\.[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}_-]*[\p{L}\p{N}\p{M}])?)*$/u
const LITERAL = /^\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9a-f:.]+|[a-z][a-z0-9-]*:[!-Z^-~]+)\]$/i

/**
 * Reads `local@domain`, the local part quoted or not, or null if it is neither. Not the angle brackets and
 * no source route: that is the SMTP grammar's business.
 */
export function parsePath(text: string): Path | null {
  if (text.length > 320) return null
  const at = text.lastIndexOf('@')
  if (at < 1) return null
  const domain = text.slice(at + 1)
  if (!(DOMAIN.test(domain) || LITERAL.test(domain)) || domain.length > 255) return null
  let localPart = text.slice(0, at)
  if (localPart.startsWith('"')) {
    const quoted = /^"((?:[^"\\\u0000-\u001f\u007f]|\\[^\u0000-\u001f\u007f])*)"$/u.exec(localPart)
    if (!quoted) return null
    localPart = (quoted[1] as string).replace(/\\(.)/gu, '$1')
  } else if (!ATOM.test(localPart)) return null
  return { localPart, domain }
}

/** `local@domain`, the local part quoted where it must be. */
export function formatPath(path: Path): string {
  const local = ATOM.test(path.localPart) ? path.localPart : `"${path.localPart.replace(/["\\]/g, '\\$&')}"`
  return `${local}@${path.domain}`
}

/**
 * The form addresses are compared in here: both parts lower-cased and in NFC. RFC 5321 §2.4 lets the host
 * decide about local parts; ours do not tell `Anna` from `anna`.
 */
export function canonicalAddress(path: Path): string {
  return formatPath(path).normalize('NFC').toLowerCase()
}
