import { type Mailbox, parseMailboxes } from './address.ts'
import { type AttachmentFact, readFileName, sniffType, typeLies, zipNames } from './attachment.ts'
import { decodeCharset } from './charset.ts'
import { parseDate } from './date.ts'
import { decodeValue, type RawField } from './header.ts'
import { type HtmlFacts, type HtmlLink, headAndTail, readHtml } from './html.ts'
import { guessLanguage } from './language.ts'
import { DEFAULT_FACT_LIMITS, type FactLimits } from './limits.ts'
import { base64Size, decodeBase64, decodeQuotedPrintable } from './transfer.ts'
import { shownDomain, type UrlFact, urlFact, urlsInText } from './url.ts'
import { type Leaf, type PartFact, walkMime } from './walk.ts'

/** One header field of the message itself. */
export interface FieldFact {
  /** Name as written. */
  readonly name: string
  /** Lower-case name. */
  readonly key: string
  /** Unfolded and in words: encoded words decoded. */
  readonly value: string
}

/** What is known of one message from its octets alone: bounded, and safe to keep, log or send to a worker. */
export interface MessageFacts {
  readonly sizeOctets: number
  readonly fields: readonly FieldFact[]
  readonly from: Mailbox | null
  readonly sender: Mailbox | null
  readonly replyTo: Mailbox | null
  /** To and Cc. */
  readonly to: { readonly count: number; readonly mailboxes: readonly Mailbox[] }
  readonly subject: string
  /** Date field, milliseconds since 1970, or null. */
  readonly dateMs: number | null
  /** Without angle brackets, or ''. */
  readonly messageId: string
  /** Identifier of List-Id, or ''. */
  readonly listId: string
  /** What a person would read: of alternatives the HTML one, as seen; all parts, joined by line ends. */
  readonly text: string
  /** Plain alternative of a text that is shown as HTML, or ''. */
  readonly alternativeText: string
  /** Text of HTML that nobody sees. */
  readonly hiddenText: string
  /** Alternative texts of images. */
  readonly altText: string
  /** Text of attached HTML pages. */
  readonly attachedText: string
  /** ISO 639-1 code, or '' where nothing tells. */
  readonly language: string
  /** Words in `text`. */
  readonly words: number
  readonly urls: readonly UrlFact[]
  readonly attachments: readonly AttachmentFact[]
  readonly parts: readonly PartFact[]
  readonly html: HtmlFacts | null
  /** What is broken or was cut, from {@link DEFECTS}. */
  readonly defects: readonly string[]
}

/** Every word that `defects` can hold. */
export const DEFECTS = [
  'long-header',
  'bad-header-line',
  'no-body',
  'bad-content-type',
  'no-boundary',
  'too-deep',
  'too-many-parts',
  'unclosed-multipart',
  'long-text',
  'bad-base64',
  'bad-quoted-printable',
  'unknown-encoding',
  'charset-lies',
  'unknown-charset',
  'zero-octets',
  'no-from',
  'many-from',
  'no-date',
  'no-message-id',
  'many-subjects',
  'type-lies',
  'too-many-urls',
  'failed',
] as const

interface TextItem {
  readonly kind: 'plain' | 'html'
  readonly alternative: number
  readonly text: string
}

const TEXT_TYPES = /^(?:text\/|message\/(?!rfc822|external-body|partial)|application\/(?:xhtml\+xml)$)/
const HTML_TYPES = /^(?:text\/html|application\/xhtml\+xml)$/
const SNIFF_OCTETS = 33_000

function countWords(text: string): number {
  let count = 0
  let inside = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const letter =
      (code >= 97 && code <= 122) ||
      (code >= 65 && code <= 90) ||
      (code >= 48 && code <= 57) ||
      (code >= 0xc0 &&
        code !== 0xd7 &&
        !(code >= 0x2000 && code < 0x2e80) &&
        !(code >= 0x3000 && code < 0x3040) &&
        code < 0xfe00)
    // Chinese, Japanese: each character is about a word.
    if (letter && code >= 0x3040 && code < 0xac00) count++
    else if (letter && !inside) count++
    inside = letter
  }
  return count
}

/** Collects what the leaves give, under one message's budgets. */
class Collector {
  readonly texts: TextItem[] = []
  readonly hidden: string[] = []
  readonly alts: string[] = []
  readonly attached: string[] = []
  readonly attachments: AttachmentFact[] = []
  readonly urls: UrlFact[] = []
  readonly defects: Set<string> = new Set()
  html: HtmlFacts | null = null
  private readonly seenUrls = new Set<string>()
  private textOctets = 0
  private textCharacters = 0
  private readonly octets: Buffer
  private readonly limits: FactLimits

  constructor(octets: Buffer, limits: FactLimits) {
    this.octets = octets
    this.limits = limits
  }

  leaf(leaf: Leaf): void {
    const type = leaf.contentType.value
    const rawName =
      leaf.disposition.parameters.get('filename') ?? leaf.contentType.parameters.get('name') ?? ''
    const attached =
      leaf.disposition.value === 'attachment' || (rawName !== '' && !/^text\/(?:plain|html)$/.test(type))
    if (TEXT_TYPES.test(type) && !attached) this.text(leaf, HTML_TYPES.test(type))
    else if (leaf.end > leaf.start || rawName !== '') this.attachment(leaf, rawName)
  }

  private decoded(leaf: Leaf, limit: number): Buffer {
    const { encoding } = leaf
    let content = this.octets.subarray(leaf.start, leaf.end)
    if (encoding === 'base64') {
      const wanted = Math.ceil((limit * 4) / 3) + Math.ceil(limit / 20)
      if (content.length > wanted) content = content.subarray(0, wanted)
      const { octets, junk } = decodeBase64(content, limit)
      if (junk > 8) this.defects.add('bad-base64')
      return octets as Buffer
    }
    if (content.length > limit) {
      const tail = limit >> 2
      content = Buffer.concat([content.subarray(0, limit - tail), content.subarray(content.length - tail)])
    }
    if (encoding === 'quoted-printable') {
      if (content.indexOf(61) < 0) return content
      const { octets, junk } = decodeQuotedPrintable(content)
      if (junk > 8) this.defects.add('bad-quoted-printable')
      return octets as Buffer
    }
    if (encoding !== '7bit' && encoding !== '8bit' && encoding !== 'binary')
      this.defects.add('unknown-encoding')
    return content
  }

  private decodedText(leaf: Leaf, octets: Buffer): string {
    const { text, lied, unknown } = decodeCharset(octets, leaf.contentType.parameters.get('charset') ?? '')
    if (lied) this.defects.add('charset-lies')
    if (unknown) this.defects.add('unknown-charset')
    if (text.includes('\u0000')) {
      this.defects.add('zero-octets')
      return text.replaceAll('\u0000', '')
    }
    return text
  }

  private text(leaf: Leaf, html: boolean): void {
    const octetsLeft = this.limits.textOctets - this.textOctets
    const charactersLeft = this.limits.textCharacters - this.textCharacters
    if (leaf.end - leaf.start > octetsLeft || charactersLeft <= 0) this.defects.add('long-text')
    if (octetsLeft <= 0 || charactersLeft <= 0) return
    this.textOctets += leaf.end - leaf.start
    const decoded = this.decodedText(leaf, this.decoded(leaf, octetsLeft))
    if (html) {
      const reading = readHtml(decoded, charactersLeft)
      this.texts.push({ kind: 'html', alternative: leaf.alternative, text: reading.text })
      this.textCharacters += reading.text.length
      if (reading.hiddenText !== '') this.hidden.push(reading.hiddenText)
      if (reading.altText !== '') this.alts.push(reading.altText)
      this.html = this.html === null ? reading.facts : mergeHtml(this.html, reading.facts)
      this.links(reading.links)
      for (const url of urlsInText(reading.text, this.limits.urls)) this.url(urlFact(url, 'text'))
      return
    }
    let text = headAndTail(decoded, charactersLeft)
    if (text.includes('\r')) text = text.replaceAll('\r\n', '\n')
    if (leaf.contentType.parameters.get('format')?.toLowerCase() === 'flowed')
      text = text.replace(/ \n(?!>|-- \n)/g, ' ')
    this.texts.push({ kind: 'plain', alternative: leaf.alternative, text })
    this.textCharacters += text.length
    for (const url of urlsInText(text, this.limits.urls)) this.url(urlFact(url, 'text'))
  }

  private links(links: readonly HtmlLink[]): void {
    for (const link of links) {
      this.url(urlFact(link.href, link.place, link.place === 'link' ? shownDomain(link.text) : ''))
    }
  }

  private url(fact: UrlFact | null): void {
    if (fact === null) return
    const key = `${fact.url}\n${fact.textDomain}`
    if (this.seenUrls.has(key)) return
    if (this.urls.length >= this.limits.urls) {
      this.defects.add('too-many-urls')
      return
    }
    this.seenUrls.add(key)
    this.urls.push(fact)
  }

  private attachment(leaf: Leaf, rawName: string): void {
    const type = leaf.contentType.value
    const file = readFileName(rawName)
    const head = this.decoded(leaf, SNIFF_OCTETS)
    const realType = sniffType(head)
    const content = this.octets.subarray(leaf.start, leaf.end)
    const sizeOctets =
      leaf.encoding === 'base64'
        ? content.length < 30_000
          ? head.length
          : base64Size(content)
        : content.length
    const oddities = [...file.oddities]
    let inside: readonly string[] = []
    if (realType === 'application/zip' && sizeOctets <= this.limits.archiveOctets) {
      const archive = zipNames(this.decoded(leaf, this.limits.archiveOctets))
      inside = archive.names
      if (archive.encrypted) oddities.push('encrypted')
      if (inside.some((name) => /vbaProject\.bin$/i.test(name))) oddities.push('macros')
    }
    if (typeLies(type, realType)) {
      oddities.push('type-lies')
      this.defects.add('type-lies')
    }
    if (HTML_TYPES.test(type) || realType === 'text/html' || /^(?:s?html?|svg)$/.test(file.ext)) {
      const reading = readHtml(this.decodedText(leaf, this.decoded(leaf, 65_536)), 16_384)
      this.attached.push(reading.text)
      this.links(reading.links)
      if (reading.facts.forms > 0) oddities.push('form')
      if (reading.facts.scripts > 0) oddities.push('script')
    }
    if (this.attachments.length >= this.limits.attachments) return
    this.attachments.push({
      name: file.name,
      ext: file.ext,
      type,
      realType,
      sizeOctets,
      inside,
      disposition: leaf.disposition.value.slice(0, 40),
      oddities,
    })
  }
}

function mergeHtml(a: HtmlFacts, b: HtmlFacts): HtmlFacts {
  return {
    tags: a.tags + b.tags,
    images: a.images + b.images,
    links: a.links + b.links,
    forms: a.forms + b.forms,
    scripts: a.scripts + b.scripts,
    comments: a.comments + b.comments,
    splitWords: a.splitWords + b.splitWords,
    visibleCharacters: a.visibleCharacters + b.visibleCharacters,
    hiddenCharacters: a.hiddenCharacters + b.hiddenCharacters,
    tagNames: [...new Set([...a.tagNames, ...b.tagNames])].slice(0, 64),
    title: a.title || b.title,
  }
}

function firstRaw(fields: readonly RawField[], key: string): string {
  for (const field of fields) if (field.key === key) return field.raw
  return ''
}

function firstMailbox(raw: string): Mailbox | null {
  return raw === '' ? null : (parseMailboxes(raw, 1).mailboxes[0] ?? null)
}

function headerDefects(fields: readonly RawField[], defects: Set<string>): void {
  let from = 0
  let subjects = 0
  let date = false
  let messageId = false
  for (const { key } of fields) {
    if (key === 'from') from++
    else if (key === 'subject') subjects++
    else if (key === 'date') date = true
    else if (key === 'message-id') messageId = true
  }
  if (from === 0) defects.add('no-from')
  if (from > 1) defects.add('many-from')
  if (subjects > 1) defects.add('many-subjects')
  if (!date) defects.add('no-date')
  if (!messageId) defects.add('no-message-id')
}

/** Of each alternative with an HTML text the plain ones step back. */
function chooseTexts(texts: readonly TextItem[]): {
  readonly text: string
  readonly alternativeText: string
} {
  const withHtml = new Set<number>()
  for (const item of texts)
    if (item.kind === 'html' && item.alternative >= 0 && item.text !== '') withHtml.add(item.alternative)
  const shown: string[] = []
  const others: string[] = []
  for (const item of texts) {
    if (item.kind === 'plain' && withHtml.has(item.alternative)) others.push(item.text)
    else shown.push(item.text)
  }
  return { text: shown.join('\n'), alternativeText: others.join('\n') }
}

/**
 * The facts of one message, from its octets alone. Synchronous, linear in the octets, bounded by `limits`;
 * never throws: what is broken is named in `defects`. `octets` is only read, and nothing returned refers to it.
 */
export function factsOf(octets: Uint8Array, limits: Partial<FactLimits> = {}): MessageFacts {
  const bounds: FactLimits = { ...DEFAULT_FACT_LIMITS, ...limits }
  const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
  const collector = new Collector(buffer, bounds)
  const walk = walkMime(buffer, bounds, (leaf) => {
    try {
      collector.leaf(leaf)
    } catch {
      // A leaf we cannot read must not cost the rest of the message.
      collector.defects.add('failed')
    }
  })
  const raw = walk.header.fields
  const defects = new Set([...walk.defects, ...collector.defects])
  headerDefects(raw, defects)
  const fields = raw.map((field) => ({ name: field.name, key: field.key, value: decodeValue(field.raw) }))
  const recipients = parseMailboxes(
    raw
      .filter(({ key }) => key === 'to' || key === 'cc')
      .map((field) => field.raw)
      .join(', '),
    bounds.mailboxes,
  )
  const { text, alternativeText } = chooseTexts(collector.texts)
  const subject = decodeValue(firstRaw(raw, 'subject'))
  const listId = firstRaw(raw, 'list-id')
  return {
    sizeOctets: octets.length,
    fields,
    from: firstMailbox(firstRaw(raw, 'from')),
    sender: firstMailbox(firstRaw(raw, 'sender')),
    replyTo: firstMailbox(firstRaw(raw, 'reply-to')),
    to: recipients,
    subject,
    dateMs: parseDate(firstRaw(raw, 'date')),
    messageId: firstRaw(raw, 'message-id')
      .replace(/^[\s<]+|[\s>]+$/g, '')
      .slice(0, 998),
    listId: (/<([^<>]{1,255})>/.exec(listId)?.[1] ?? listId).trim().slice(0, 255),
    text,
    alternativeText,
    hiddenText: collector.hidden.join('\n'),
    altText: collector.alts.join('\n'),
    attachedText: collector.attached.join('\n'),
    language: guessLanguage(`${subject}\n${text.slice(0, 1500)}`),
    words: countWords(text),
    urls: collector.urls,
    attachments: collector.attachments,
    parts: walk.parts,
    html: collector.html,
    defects: [...defects],
  }
}
