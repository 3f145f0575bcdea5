import { addBodyTokens } from './body-tokens.ts'
import type { ExtractOptions, MailDocument } from './document.ts'
import type { Features } from './features.ts'
import { GramSet } from './grams.ts'
import { addHeaderTokens } from './header-tokens.ts'
import { TokenSet } from './token-set.ts'

const MAX_TOKENS = 4000
const HEADER_GRAM_CHARACTERS = 3000
const TEXT_GRAM_CHARACTERS = 4000
/** Fields whose value is new in every message, or says who judges rather than who sends. */
const NO_GRAMS =
  /^(?:date|dkim-signature|arc-|x-google-|references$|in-reply-to$|authentication-results|received-spf)/

/** The features of one message. Pure: the same document and `fold` give the same features. */
export function extractFeatures(document: MailDocument, options: ExtractOptions = {}): Features {
  const set = new TokenSet(MAX_TOKENS)
  for (const token of options.extra ?? []) set.add(token)
  addHeaderTokens(set, document)
  const { subject, text } = addBodyTokens(set, document, options)

  const grams = new GramSet()
  let header = ''
  for (const field of document.fields) {
    if (header.length >= HEADER_GRAM_CHARACTERS) break
    if (field.key !== 'subject' && !NO_GRAMS.test(field.key))
      header += `${field.name}: ${field.value.slice(0, 300)}\n`
  }
  grams.addText(header, HEADER_GRAM_CHARACTERS, 0x51ed270b)
  grams.addText(`\n${subject}\n${text}`, TEXT_GRAM_CHARACTERS, 0)
  for (const url of document.urls.slice(0, 20)) {
    if (url.place !== 'text') grams.addText(`\n${url.url}`, 100, 0)
  }
  const { texts, tokens } = set.finish()
  return { tokens, grams: grams.finish(), texts }
}
