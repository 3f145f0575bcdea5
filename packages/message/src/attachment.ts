/** One attachment, or any part that is not text to read. */
export interface AttachmentFact {
  /** File name in words, control and direction characters removed, or ''. */
  readonly name: string
  /** Last extension of the name, lower case, without the dot, or ''. */
  readonly ext: string
  /** Media type as declared, lower case. */
  readonly type: string
  /** Media type that the first octets show, or '' where they show none we know. */
  readonly realType: string
  /** Decoded size. */
  readonly sizeOctets: number
  /** Names inside a ZIP archive (also of office documents), at most 100. */
  readonly inside: readonly string[]
  /** `inline` | `attachment` | ''. */
  readonly disposition: string
  /** Oddities: `double-extension`, `direction-override`, `encrypted`, `macros`, `type-lies`. */
  readonly oddities: readonly string[]
}

const MAGIC: readonly (readonly [string, number, string])[] = [
  ['%PDF', 0, 'application/pdf'],
  ['PK\x03\x04', 0, 'application/zip'],
  ['PK\x05\x06', 0, 'application/zip'],
  ['\x89PNG', 0, 'image/png'],
  ['\xff\xd8\xff', 0, 'image/jpeg'],
  ['GIF8', 0, 'image/gif'],
  ['BM', 0, 'image/bmp'],
  ['RIFF', 0, 'application/riff'],
  ['MZ', 0, 'application/x-msdownload'],
  ['\x7fELF', 0, 'application/x-executable'],
  ['\xca\xfe\xba\xbe', 0, 'application/java-vm'],
  ['Rar!', 0, 'application/vnd.rar'],
  ['7z\xbc\xaf', 0, 'application/x-7z-compressed'],
  ['\x1f\x8b', 0, 'application/gzip'],
  ['BZh', 0, 'application/x-bzip2'],
  ['\xfd7zXZ', 0, 'application/x-xz'],
  ['\xd0\xcf\x11\xe0', 0, 'application/x-ole-storage'],
  ['{\\rtf', 0, 'application/rtf'],
  ['MSCF', 0, 'application/vnd.ms-cab-compressed'],
  ['CD001', 32769, 'application/x-iso9660-image'],
  ['L\x00\x00\x00\x01\x14\x02', 0, 'application/x-ms-shortcut'],
  ['ID3', 0, 'audio/mpeg'],
  ['OggS', 0, 'application/ogg'],
  ['ftyp', 4, 'video/mp4'],
  ['ITSF', 0, 'application/vnd.ms-htmlhelp'],
  ['\xe4\x52\x5c\x7b', 0, 'application/onenote'],
]

/** The media type that the first octets show, or ''. */
export function sniffType(octets: Buffer): string {
  for (const [magic, offset, type] of MAGIC) {
    if (
      octets.length >= offset + magic.length &&
      octets.toString('latin1', offset, offset + magic.length) === magic
    )
      return type
  }
  const start = octets
    .toString('latin1', 0, Math.min(octets.length, 512))
    .trimStart()
    .slice(0, 64)
    .toLowerCase()
  if (/^(?:<!doctype html|<html|<head|<script|<body)/.test(start)) return 'text/html'
  if (start.startsWith('<svg') || (start.startsWith('<?xml') && start.includes('<svg')))
    return 'image/svg+xml'
  if (start.startsWith('<?xml')) return 'application/xml'
  return ''
}

const MAX_INSIDE = 100

/** Names in a ZIP's local headers, whether one is encrypted; reads no packed octets. */
export function zipNames(octets: Buffer): { readonly names: readonly string[]; readonly encrypted: boolean } {
  const names: string[] = []
  let encrypted = false
  let at = octets.indexOf('PK\x01\x02', 0, 'latin1')
  while (at >= 0 && at + 46 <= octets.length && names.length < MAX_INSIDE) {
    if ((octets.readUInt16LE(at + 8) & 1) === 1) encrypted = true
    const nameLength = Math.min(octets.readUInt16LE(at + 28), 1024)
    names.push(octets.toString('utf8', at + 46, Math.min(octets.length, at + 46 + nameLength)).slice(0, 255))
    at = octets.indexOf('PK\x01\x02', at + 46, 'latin1')
  }
  return { names, encrypted }
}

/** A file name made safe to show, its extension and its oddities. */
export function readFileName(raw: string): {
  readonly name: string
  readonly ext: string
  readonly oddities: readonly string[]
} {
  const oddities: string[] = []
  if (/[\u202a-\u202e\u2066-\u2069]/.test(raw)) oddities.push('direction-override')
  const name = raw
    .slice(0, 1024)
    .replace(/[\u0000-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2060-\u2069]/g, '')
    .trim()
    .slice(0, 255)
  const ext = /\.([^.\\/\s]{1,16})\s*$/.exec(name)?.[1]?.toLowerCase() ?? ''
  if (
    /\.(?:pdf|docx?|xlsx?|jpe?g|png|gif|txt|html?|mp[34]|rtf)\s*\.(?:exe|scr|pif|com|bat|cmd|js|jse|vbs|vbe|wsf|lnk|hta|iso|img|zip|rar|7z|html?|svg)$/i.test(
      name,
    )
  ) {
    oddities.push('double-extension')
  }
  return { name, ext, oddities }
}

/** Whether a declared type and the type the octets show cannot both be true. */
export function typeLies(declared: string, real: string): boolean {
  if (real === '' || declared === real || declared === '' || declared === 'application/octet-stream')
    return false
  if (real === 'application/zip')
    return !/zip|officedocument|opendocument|java-archive|epub|android|octet|compressed|download|macroenabled/.test(
      declared,
    )
  if (real === 'application/x-ole-storage')
    return !/ms|office|word|excel|powerpoint|visio|outlook|octet/.test(declared)
  if (/msdownload|executable|ms-shortcut/.test(real))
    return !/download|execut|octet|dos|program/.test(declared)
  if (real === 'text/html') return !/html|xml|octet|plain/.test(declared)
  const declaredClass = declared.split('/')[0]
  const realClass = real.split('/')[0]
  if (declaredClass === 'image' || realClass === 'image') return declaredClass !== realClass
  return real === 'application/pdf' && !/pdf|octet|download/.test(declared)
}
