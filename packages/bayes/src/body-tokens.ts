import type { ExtractOptions, MailDocument } from './document.ts'
import type { GramSet } from './grams.ts'
import { addHost } from './header-tokens.ts'
import { normalise } from './normalise.ts'
import type { TokenSet } from './token-set.ts'
import { addDisguised, addWords } from './word-tokens.ts'

/** Characters of text that become words; the first part and the last, so that padding hides neither. */
const TEXT_HEAD = 32_768
const TEXT_TAIL = 8192
const BODY_WORDS = 3000

/** The part of a text that is looked at. */
export function boundText(text: string): string {
  if (text.length <= TEXT_HEAD + TEXT_TAIL) return text
  return `${text.slice(0, TEXT_HEAD)}\n${text.slice(-TEXT_TAIL)}`
}

function addUrls(set: TokenSet, document: MailDocument): void {
  const fromDomain = document.from?.domain ?? ''
  const domains = new Set<string>()
  for (const url of document.urls.slice(0, 60)) {
    domains.add(url.domain)
    addHost(set, 'url-host:', url.host)
    for (const oddity of url.oddities) set.add('url-odd:', oddity)
    if (url.scheme !== 'http' && url.scheme !== 'https') set.add('url-scheme:', url.scheme)
    if (url.textDomain !== '' && url.textDomain !== url.domain) set.add('url:', 'text-lies')
    if (url.place !== 'text') set.add('url-place:', url.place)
    if (fromDomain !== '' && url.domain === fromDomain) set.add('url:', 'own-domain')
    const path = url.url.indexOf('/', url.url.indexOf('//') + 2)
    if (path > 0) {
      const rest = url.url.slice(path + 1, path + 80)
      for (const piece of rest.split(/[/?&=#;.+_-]/, 8)) {
        if (/^[a-z]{2,20}$/i.test(piece)) set.add('url-path:', piece.toLowerCase())
      }
      if (/[0-9a-f]{16}|[A-Za-z0-9_-]{30}/.test(rest)) set.add('url:', 'tracking')
    }
  }
  set.add('url-domains:', String(Math.min(domains.size, 6)))
}

/** Tokens of subject, text, and links. Returns the normalised text and subject. */
export function addBodyTokens(
  set: TokenSet,
  document: MailDocument,
  options: ExtractOptions,
  phrases: GramSet,
): { readonly subject: string; readonly text: string } {
  const fold = options.fold ?? null
  const { language } = document
  const subject = normalise(document.subject.slice(0, 1000))
  const body = normalise(boundText(document.text))
  for (const trick of subject.tricks) set.add('trick:subject ', trick)
  for (const trick of body.tricks) set.add('trick:', trick)
  addWords(set, 'subject:', subject.text, language, fold, 60, phrases)
  if (document.subject === '') set.add('subject-is:', 'none')
  else {
    const capitals = subject.text.replace(/[^A-Z]/g, '').length
    if (capitals > 4 && capitals * 2 > subject.text.length) set.add('subject-is:', 'capitals')
    set.add('subject-tail:', shapeOfTail(subject.text))
  }
  addUrls(set, document)
  if (language !== '') set.add('language:', language)
  addWords(set, '', body.text, language, fold, BODY_WORDS, phrases)
  if (body.text.length < 20) set.add('text-is:', 'short')
  addDisguised(set, `${subject.text}\n${body.text.slice(0, 8192)}`)
  if (document.altText !== '')
    addWords(set, 'alt:', normalise(document.altText.slice(0, 2000)).text, language, fold, 100)
  if (document.alternativeText !== '') {
    addWords(set, '', normalise(boundText(document.alternativeText)).text, language, fold, 1000)
  }
  if (document.attachedText !== '') {
    addWords(set, 'attached:', normalise(document.attachedText.slice(0, 8192)).text, language, fold, 300)
  }
  if (document.hiddenText !== '') {
    addWords(set, 'hidden:', normalise(document.hiddenText.slice(0, 4096)).text, language, fold, 100)
  }
  return { subject: subject.text, text: body.text }
}

/** How a subject ends: a run of blanks and a code is how old spam beat duplicate filters. */
function shapeOfTail(subject: string): string {
  const tail = subject.slice(-12)
  if (/\s{4,}\S*$/.test(subject.slice(-60))) return 'far code'
  if (/[!]{2,}$/.test(tail)) return '!!'
  if (/[!?.]$/.test(tail)) return tail.slice(-1)
  if (/\d{3,}$/.test(tail)) return 'number'
  return 'plain'
}
