import { domainToUnicode } from 'node:url'
import { registrableDomain } from './domain.ts'

/** One address a message leads to. */
export interface UrlFact {
  /** As written, bounded to 2,048 characters. */
  readonly url: string
  /** `https`, `mailto`, `data`... lower case; `http` where none was written. */
  readonly scheme: string
  /** Host in lower case, percent-decoded, IDNs in Unicode; '' where there is none. */
  readonly host: string
  /** Registrable domain of `host`. */
  readonly domain: string
  /** Registrable domain that the link's visible text names, or ''. */
  readonly textDomain: string
  /** Where it was: a link, an image or other resource, a form, or plain text. */
  readonly place: 'link' | 'resource' | 'form' | 'text'
  /** Oddities: `userinfo`, `numeric-host`, `punycode`, `mixed-script`, `port`, `encoded-host`, `data`, `script`. */
  readonly oddities: readonly string[]
}

const MAX_URL = 2048
const SCHEME = /^([a-z][a-z0-9+.-]{1,20}):/i
const NUMERIC =
  /^(?:\d{6,10}|0x[0-9a-f]{6,8}|(?:0x[0-9a-f]{1,2}|0[0-7]{1,3}|\d{1,3})(?:\.(?:0x[0-9a-f]{1,2}|0[0-7]{1,3}|\d{1,3})){3})$/
const HOST_END = /[/?#\\]/

/** Dotted form of a host written as one number or in octal or hex. */
function dottedAddress(host: string): string {
  const parts = host.split('.').map((part) => Number(/^0\d/.test(part) ? `0o${part}` : part))
  if (parts.some((part) => Number.isNaN(part))) return host
  const whole = parts.length === 1 ? (parts[0] as number) >>> 0 : 0
  return parts.length === 1
    ? `${whole >>> 24}.${(whole >>> 16) & 255}.${(whole >>> 8) & 255}.${whole & 255}`
    : parts.join('.')
}

function mixesScripts(label: string): boolean {
  return /[a-z]/i.test(label) && /[\u0370-\u03ff\u0400-\u04ff\u0530-\u058f]/.test(label)
}

/** Takes a URL apart the way a browser would follow it, oddities noted; null where it leads nowhere. */
export function urlFact(written: string, place: UrlFact['place'], textDomain = ''): UrlFact | null {
  let url = written.length > MAX_URL * 2 ? written.slice(0, MAX_URL * 2) : written
  // Browsers drop line ends and tabs inside a URL.
  if (/[\t\r\n]/.test(url)) url = url.replace(/[\t\r\n]+/g, '')
  url = url.trim().slice(0, MAX_URL)
  if (url === '' || url.startsWith('#')) return null
  const found = SCHEME.exec(url)
  const scheme = found === null ? 'http' : (found[1] as string).toLowerCase()
  const oddities: string[] = []
  if (scheme === 'cid' || scheme === 'mid') return null
  if (scheme === 'data')
    return { url: url.slice(0, 64), scheme, host: '', domain: '', textDomain, place, oddities: ['data'] }
  if (scheme === 'javascript' || scheme === 'vbscript') {
    return { url: url.slice(0, 64), scheme, host: '', domain: '', textDomain, place, oddities: ['script'] }
  }
  let rest = found === null ? url : url.slice(found[0].length)
  let host = ''
  if (scheme === 'mailto') {
    const query = rest.indexOf('?')
    const address = query < 0 ? rest : rest.slice(0, query)
    host = address.slice(address.lastIndexOf('@') + 1).toLowerCase()
    if (!address.includes('@')) host = ''
  } else {
    if (found === null && !rest.startsWith('//') && !/^[^/?#\\]*\./.test(rest)) return null
    rest = rest.replace(/^[/\\]{1,8}/, '')
    const end = rest.search(HOST_END)
    let authority = end < 0 ? rest : rest.slice(0, end)
    const sign = authority.lastIndexOf('@')
    if (sign >= 0) {
      oddities.push('userinfo')
      authority = authority.slice(sign + 1)
    }
    const port = /:(\d{1,6})$/.exec(authority)
    if (port !== null) {
      if (port[1] !== '80' && port[1] !== '443') oddities.push('port')
      authority = authority.slice(0, port.index)
    }
    host = authority.toLowerCase().replace(/:$/, '')
  }
  if (host.includes('%')) {
    oddities.push('encoded-host')
    try {
      host = decodeURIComponent(host).toLowerCase()
    } catch {
      // Not decodable: as written.
    }
  }
  if (host.length > 255) host = host.slice(0, 255)
  if (host.endsWith('.')) host = host.slice(0, -1)
  if (NUMERIC.test(host)) {
    oddities.push('numeric-host')
    host = dottedAddress(host)
  } else if (host.includes('xn--')) {
    oddities.push('punycode')
    host = domainToUnicode(host) || host
  }
  if (mixesScripts(host)) oddities.push('mixed-script')
  return { url, scheme, host, domain: registrableDomain(host), textDomain, place, oddities }
}

const NAMED_HOST =
  /^\s*(?:https?:\/\/)?(?:www\.)?((?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,24})(?=$|[\s/:?#,;)>\]])/u

/** The registrable domain that a link's text shows as its goal, or ''. Looks at the first 200 characters. */
export function shownDomain(linkText: string): string {
  const text = linkText.slice(0, 200)
  if (!text.includes('.')) return ''
  const found = NAMED_HOST.exec(text)
  if (found === null) return ''
  const host = (found[1] as string).toLowerCase()
  // "Read more.Click" is no host: a bare name without scheme or www must end like one.
  if (!/^\s*(?:https?:|www\.)/i.test(text) && !TOP_LEVEL.has(host.slice(host.lastIndexOf('.') + 1))) return ''
  return registrableDomain(host)
}

const TOP_LEVEL = new Set(
  (
    'com net org info biz edu gov io co app dev online site shop store xyz top club live cloud bank me tv cc de fr ' +
    'es it nl be at ch pl cz sk hu ro bg gr pt se no fi dk uk ie ru ua by kz us ca mx br ar cl au nz jp cn kr tw hk ' +
    'in id sg my th vn ph tr il sa ae za ng ke eu example test'
  ).split(' '),
)

const IN_TEXT = /\b(?:(?:https?|ftp):\/\/|www\.)[^\s<>"'\u3000\u3001\u3002]{3,2048}/gi

/** URLs written out in plain text, trailing punctuation dropped; at most `limit`. */
export function urlsInText(text: string, limit: number): readonly string[] {
  const urls: string[] = []
  if (!text.includes('://') && !/www\./i.test(text)) return urls
  for (const found of text.matchAll(IN_TEXT)) {
    urls.push(found[0].slice(0, MAX_URL).replace(/[.,;:!?)\]}*]{1,20}$/, ''))
    if (urls.length >= limit) break
  }
  return urls
}
