import { factsOf } from '@restante/message'

/** What an attacker starts from: a spam taken apart, and words that good mail uses. */
export interface AttackInput {
  /** Header fields without Content-* and MIME-Version, LF line ends, no empty line at the end. */
  readonly header: string
  readonly subject: string
  readonly text: string
  /** Words of good mail, in some order. */
  readonly goodWords: readonly string[]
  /** Header of a good message, in the same form. */
  readonly goodHeader: string
}

/** Makes a message that tries to pass. */
export type Attack = (input: AttackInput) => Uint8Array

function plainHeader(octets: Uint8Array): string {
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('latin1')
  const gap = /\r?\n\r?\n/.exec(text)
  return (gap === null ? text : text.slice(0, gap.index))
    .split(/\r?\n(?![ \t])/)
    .filter((field) => !/^(?:content-|mime-version:)/i.test(field))
    .join('\n')
}

/** Takes a spam apart for attacking; `good` is any good message. */
export function attackInput(spam: Uint8Array, good: Uint8Array, goodWords: readonly string[]): AttackInput {
  const { subject, text } = factsOf(spam)
  return {
    header: plainHeader(spam),
    subject,
    text: text.slice(0, 20_000),
    goodWords,
    goodHeader: plainHeader(good),
  }
}

function assemble(header: string, type: string, body: string, encoding = '8bit'): Uint8Array {
  return Buffer.concat([
    Buffer.from(`${header}\n`, 'latin1'),
    Buffer.from(
      `MIME-Version: 1.0\nContent-Type: ${type}\nContent-Transfer-Encoding: ${encoding}\n\n${body}\n`,
      'utf8',
    ),
  ])
}

function withSubject(header: string, subject: string): string {
  const encoded = `Subject: =?utf-8?B?${Buffer.from(subject.slice(0, 200), 'utf8').toString('base64')}?=`
  return `${header
    .split(/\n(?![ \t])/)
    .filter((field) => !/^subject:/i.test(field))
    .join('\n')}\n${encoded}`
}

function plain({ header }: AttackInput, text: string): Uint8Array {
  return assemble(header, 'text/plain; charset=utf-8', text)
}

function escapeHtml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/\n/g, '<br>\n')
}

function html({ header }: AttackInput, body: string): Uint8Array {
  return assemble(header, 'text/html; charset=utf-8', `<html><body>${body}</body></html>`)
}

const LOOKALIKES: Readonly<Record<string, string>> = {
  a: 'а',
  e: 'е',
  o: 'о',
  p: 'р',
  c: 'с',
  x: 'х',
  y: 'у',
  i: 'і',
}
const LEET: Readonly<Record<string, string>> = { a: '4', e: '3', i: '1', o: '0', s: '5' }
const SYNONYMS: Readonly<Record<string, string>> = {
  free: 'gratis',
  money: 'funds',
  click: 'press',
  buy: 'acquire',
  order: 'purchase',
  offer: 'proposal',
  now: 'today',
  save: 'spare',
  credit: 'loan',
  cash: 'coins',
  win: 'gain',
  guaranteed: 'assured',
  remove: 'erase',
  email: 'message',
  here: 'below',
  business: 'venture',
  income: 'earnings',
  best: 'finest',
  price: 'cost',
  deal: 'bargain',
}

function perWord(text: string, change: (word: string) => string): string {
  return text.replace(/[A-Za-z]{4,}/g, change)
}

const middle = (word: string): number => word.length >> 1

/** Every attack by name; `none` is the rebuilt message itself, for comparison. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  none: (input) => plain(input, input.text),
  'good words': (input) => plain(input, `${input.text}\n\n${input.goodWords.slice(0, 200).join(' ')}`),
  'word salad': (input) =>
    plain(
      input,
      `${input.goodWords.slice(0, 500).join(' ')}\n${input.text}\n${input.goodWords.slice(500, 1000).join(' ')}`,
    ),
  'synonym swap': (input) =>
    plain(
      input,
      input.text.replace(/[A-Za-z]+/g, (word) => SYNONYMS[word.toLowerCase()] ?? word),
    ),
  'text hidden by style': (input) =>
    html(
      input,
      `<div style="display:none">${input.goodWords.slice(0, 400).join(' ')}</div>${escapeHtml(input.text)}`,
    ),
  'text in background colour': (input) =>
    html(
      input,
      `<font color="#fefefe">${input.goodWords.slice(0, 400).join(' ')}</font>${escapeHtml(input.text)}`,
    ),
  'text of no size': (input) =>
    html(
      input,
      `<span style="font-size:0px">${input.goodWords.slice(0, 400).join(' ')}</span>${escapeHtml(input.text)}`,
    ),
  'comments in words': (input) =>
    html(
      input,
      escapeHtml(input.text).replace(
        /[A-Za-z]{5,}/g,
        (word) => `${word.slice(0, middle(word))}<!-- k${word.length} -->${word.slice(middle(word))}`,
      ),
    ),
  'tags in words': (input) =>
    html(
      input,
      escapeHtml(input.text).replace(
        /[A-Za-z]{5,}/g,
        (word) => `${word.slice(0, middle(word))}<zq></zq>${word.slice(middle(word))}`,
      ),
    ),
  'look-alike letters': (input) => {
    const change = (text: string): string =>
      perWord(text, (word) => word.replace(/[aeopcxyi]/, (letter) => LOOKALIKES[letter] ?? letter))
    return plain({ ...input, header: withSubject(input.header, change(input.subject)) }, change(input.text))
  },
  'zero-width characters': (input) => {
    const change = (text: string): string =>
      perWord(text, (word) => `${word.slice(0, middle(word))}\u200b${word.slice(middle(word))}`)
    return plain({ ...input, header: withSubject(input.header, change(input.subject)) }, change(input.text))
  },
  'digits for letters': (input) => {
    const change = (text: string): string =>
      perWord(
        text,
        (word) => `${word[0]}${word.slice(1).replace(/[aeios]/, (letter) => LEET[letter] ?? letter)}`,
      )
    return plain({ ...input, header: withSubject(input.header, change(input.subject)) }, change(input.text))
  },
  'spaced letters': (input) =>
    plain(
      input,
      perWord(input.text, (word) => word.split('').join(' ')),
    ),
  'base64, lying charset': (input) =>
    assemble(
      input.header,
      'text/plain; charset=utf-16le',
      Buffer.from(input.text, 'utf8').toString('base64').replace(/.{76}/g, '$&\n'),
      'base64',
    ),
  'image only': (input) =>
    html(
      input,
      '<a href="http://193.0.2.7/x/"><img src="http://193.0.2.7/a.gif" width="600" height="400"></a>',
    ),
  'giant token': (input) => plain(input, `${'a1'.repeat(250_000)}\n${input.text}`),
  'giant MIME tree': (input) => {
    const depth = 40
    let body = ''
    for (let i = 0; i < depth; i++) body += `--b${i}\nContent-Type: multipart/mixed; boundary=b${i + 1}\n\n`
    body += `--b${depth}\nContent-Type: text/plain; charset=utf-8\n\n${input.text}\n`
    for (let i = depth; i >= 0; i--) body += `--b${i}--\n`
    return assemble(input.header, 'multipart/mixed; boundary=b0', body, '7bit')
  },
  'borrowed header': (input) =>
    assemble(withSubject(input.goodHeader, input.subject), 'text/plain; charset=utf-8', input.text),
}
