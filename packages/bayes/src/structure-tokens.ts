import type { MailDocument } from './document.ts'
import type { TokenSet } from './token-set.ts'
import { addWords } from './word-tokens.ts'

function share(part: number, whole: number): string {
  if (whole <= 0 || part <= 0) return '0'
  const ratio = part / whole
  return ratio < 0.02 ? 'trace' : ratio < 0.1 ? 'some' : ratio < 0.5 ? 'much' : 'most'
}

/** Tokens of what the message is built of: parts, attachments, markup, defects. */
export function addStructureTokens(set: TokenSet, document: MailDocument): void {
  let shape = ''
  for (const part of document.parts.slice(0, 12)) {
    set.add('part:', part.type)
    if (part.charset !== '') set.add('charset:', part.charset)
    set.add('part:', `${part.type};${part.encoding}`)
    shape += `${part.depth}${part.type.slice(0, part.type.indexOf('/') + 4)} `
  }
  set.add('structure:', shape)
  for (const attachment of document.attachments.slice(0, 12)) {
    set.add('attachment-ext:', attachment.ext)
    if (attachment.realType !== '') set.add('attachment-type:', attachment.realType)
    for (const oddity of attachment.oddities) set.add('attachment-odd:', oddity)
    for (const name of attachment.inside.slice(0, 10)) {
      const ext = /\.([a-z0-9]{1,8})$/i.exec(name)?.[1]
      if (ext !== undefined) set.add('attachment-inside:', ext.toLowerCase())
    }
    addWords(set, 'attachment-name:', attachment.name, '', null, 8)
  }
  for (const defect of document.defects) set.add('defect:', defect)
  const { html } = document
  if (html !== null) {
    for (const name of html.tagNames.slice(0, 40)) set.add('html:', name)
    if (html.splitWords > 0) set.add('html-split-words:', html.splitWords > 3 ? 'many' : 'few')
    set.add('html-hidden:', share(html.hiddenCharacters, html.hiddenCharacters + html.visibleCharacters))
    if (html.images > 0)
      set.add('html-images:', html.visibleCharacters < 200 * html.images ? 'instead of text' : 'beside text')
    if (html.forms > 0) set.add('html:', 'has form')
    if (html.scripts > 0) set.add('html:', 'has script')
  }
}
