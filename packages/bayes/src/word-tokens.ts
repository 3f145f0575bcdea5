import type { GramSet } from './grams.ts'
import { hashLow } from './hash.ts'
import type { TokenSet } from './token-set.ts'

const WORD = /[\p{L}\p{N}$€£¥₽][\p{L}\p{M}\p{N}$€£¥₽'’_.,!%-]*/gu
const CJK = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]/
/** Thai and what follows it: scripts that may do without spaces. */
const SPACELESS_FROM = 0xe00
const TRAILING = /[.,'’_%-]{1,20}$/
const PHRASE_WORDS = 1000
const DIGITS = /\d/g

/** Two neighbouring characters each, for scripts that write without spaces. */
function addBigrams(set: TokenSet, prefix: string, run: string, room: number): number {
  const characters = [...run]
  let added = 0
  for (let i = 0; i + 1 < characters.length && added < room; i++, added++) {
    set.add(prefix, `${characters[i]}${characters[i + 1]}`)
  }
  if (characters.length === 1) set.add(prefix, run)
  return added
}

/**
 * Adds the words of already normalised text as tokens, at most `limit` of them. Numbers keep only their shape;
 * words of one or more than 40 characters are marked, not kept; CJK and Thai runs become bigrams. `phrases`
 * collects the pairs of neighbours among the first 1,000 words.
 */
export function addWords(
  set: TokenSet,
  prefix: string,
  text: string,
  language: string,
  fold: ((word: string, language: string) => string) | null,
  limit: number,
  phrases: GramSet | null = null,
): void {
  let count = 0
  let before = 0
  for (const found of text.toLowerCase().match(WORD) ?? []) {
    if (count >= limit) return
    if (found.charCodeAt(0) >= SPACELESS_FROM || found.charCodeAt(found.length - 1) >= SPACELESS_FROM) {
      if (CJK.test(found)) {
        count += addBigrams(set, prefix, found.slice(0, 2000), limit - count)
        continue
      }
    }
    if (found.length > 40) {
      set.add(prefix, 'long-word')
      count++
      continue
    }
    let word = found
    if (!isWordEnd(word.charCodeAt(word.length - 1))) word = word.replace(TRAILING, '')
    const bang = word.endsWith('!')
    if (bang) word = word.replace(/[.,!]{1,40}$/, '')
    if (word.length < 2) continue
    count++
    if (word.charCodeAt(0) < 65) {
      // Amounts and numbers: what counts is how they look.
      const shape = word.replace(DIGITS, '9')
      set.add(prefix, shape.length > 12 ? 'long-number' : shape)
      continue
    }
    const folded = fold === null ? word : fold(word, language)
    set.add(prefix, folded)
    if (phrases !== null && count <= PHRASE_WORDS) {
      // `add` has just hashed the word.
      if (before !== 0) phrases.addPair(before, hashLow)
      before = hashLow
    }
    if (bang) set.add(prefix, `${word}!`)
    if (word.includes('.') || word.includes('_')) {
      for (const piece of word.split(/[._]/, 6)) if (piece.length > 2) set.add(prefix, piece)
    }
  }
}

/** Whether a word can end so: small letters and digits; anything else is looked at closer. */
function isWordEnd(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || (code > 127 && code !== 0x2019)
}

/** Words written with blanks or dots between their letters: `V I A G R A`, `f.r.e.e`. */
const SPACED = /(?<![\p{L}\p{N}])(?:\p{L}[ .*_-]){3,20}\p{L}(?![\p{L}\p{N}])/gu
/** Digits and signs that stand for letters inside words. */
const LEET = new Map([
  ['0', 'o'],
  ['1', 'i'],
  ['3', 'e'],
  ['4', 'a'],
  ['5', 's'],
  ['7', 't'],
  ['8', 'b'],
  ['@', 'a'],
  ['$', 's'],
])
const LEET_CORE = /[a-z][0134578@$]{1,3}[a-z]/gi
const DISGUISED_WORDS = 30

function isLeetCode(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || LEET.has(String.fromCharCode(code))
}

/** The whole word around a place where signs stand between letters, or '' where it is too long or too short. */
function leetWordAt(text: string, at: number): string {
  let start = at
  let end = at
  while (start > 0 && at - start < 25 && isLeetCode(text.charCodeAt(start - 1))) start--
  while (end < text.length && end - start < 25 && isLeetCode(text.charCodeAt(end))) end++
  const length = end - start
  return length >= 4 && length <= 24 ? text.slice(start, end) : ''
}

/** Undoes spacing and digits-for-letters; adds the word that is meant and a mark that it was hidden. */
export function addDisguised(set: TokenSet, text: string): void {
  let spaced = 0
  for (const found of text.matchAll(SPACED)) {
    if (++spaced > DISGUISED_WORDS) break
    set.add('', found[0].replace(/[ .*_-]/g, '').toLowerCase())
    set.add('trick:', 'spaced')
  }
  let leet = 0
  LEET_CORE.lastIndex = 0
  for (
    let found = LEET_CORE.exec(text);
    found !== null && leet < DISGUISED_WORDS;
    found = LEET_CORE.exec(text)
  ) {
    const word = leetWordAt(text, found.index)
    if (word === '') continue
    leet++
    set.add(
      '',
      word.toLowerCase().replace(/[0134578@$]/g, (sign) => LEET.get(sign) ?? sign),
    )
    set.add('trick:', 'leet')
  }
}
