import { addBodyTokens } from './body-tokens.ts'
import type { ExtractOptions, MailDocument } from './document.ts'
import type { Features } from './features.ts'
import { GramSet } from './grams.ts'
import { addHeaderTokens } from './header-tokens.ts'
import { addStructureTokens } from './structure-tokens.ts'
import { MAX_TOKENS, TokenSet } from './token-set.ts'

const MAX_HEADER_TOKENS = 1500
const MAX_TEXT_TOKENS = MAX_TOKENS
const HEADER_CHARACTERS = 1500
const TEXT_CHARACTERS = 4000
const TAIL_CHARACTERS = 1000
/** Keeps grams of header and text apart. */
const HEADER_SEED = 0x51ed270b
/** Fields whose value is new in every message, or says who judges rather than who sends. */
const NO_GRAMS =
  /^(?:date|dkim-signature|arc-|x-google-|references$|in-reply-to$|authentication-results|received-spf)/

const grams = new GramSet()

function headerGrams(document: MailDocument): Uint32Array {
  let header = ''
  for (const field of document.fields) {
    if (header.length >= HEADER_CHARACTERS) break
    if (field.key !== 'subject' && !NO_GRAMS.test(field.key))
      header += `${field.name}: ${field.value.slice(0, 300)}\n`
  }
  grams.addText(header, HEADER_CHARACTERS, HEADER_SEED)
  return grams.finish()
}

function textGrams(document: MailDocument, subject: string, text: string): Uint32Array {
  grams.addText(`\n${subject}\n${text.slice(0, TEXT_CHARACTERS)}`, TEXT_CHARACTERS, 0)
  if (text.length > TEXT_CHARACTERS) grams.addText(text.slice(-TAIL_CHARACTERS), TAIL_CHARACTERS, 0)
  let urls = 0
  for (const url of document.urls) {
    if (url.place === 'text') continue
    grams.addText(`\n${url.url}`, 100, 0)
    if (++urls === 20) break
  }
  return grams.finish()
}

/** The features of one message. Pure: the same document and options give the same features. */
export function extractFeatures(document: MailDocument, options: ExtractOptions = {}): Features {
  // Whatever a call before left behind when it threw.
  grams.finish()
  const header = new TokenSet(MAX_HEADER_TOKENS)
  for (const token of options.extra ?? []) header.add('', token)
  addHeaderTokens(header, document)
  addStructureTokens(header, document)
  const headerTokens = header.finish()
  const body = new TokenSet(MAX_TEXT_TOKENS)
  const { subject, text } = addBodyTokens(body, document, options, grams)
  const textPhrases = grams.finish()
  return {
    headerTokens,
    textTokens: body.finish(),
    textPhrases,
    headerGrams: headerGrams(document),
    textGrams: textGrams(document, subject, text),
    texts: {
      length: header.length + body.length,
      at: (index) => (index < header.length ? header.at(index) : body.at(index - header.length)),
    },
  }
}
