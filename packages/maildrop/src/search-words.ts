// Scripts that put no spaces between words: each character is a word of its own.
const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}])[\p{L}\p{N}])+/gu

/**
 * The words of a text as search compares them: letters and digits, without case, marks and compatibility forms.
 * `Grüße <bob@acme.example>` → `gruße bob acme example`.
 */
export function searchWords(text: string): readonly string[] {
  return (
    text
      .normalize('NFKD')
      .replace(/\p{M}+/gu, '')
      .toLowerCase()
      .match(WORD) ?? []
  )
}

/** Whether a word is one character of a script without spaces, which nothing longer starts with. */
export function isCharacterWord(word: string): boolean {
  return /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]$/u.test(word)
}

/**
 * Whether the words of a phrase follow one another in a text's words.
 * @param started its last word may be only the start of the one that is there
 */
export function containsPhrase(
  words: readonly string[],
  phrase: readonly string[],
  started: boolean,
): boolean {
  const last = phrase.length - 1
  if (last < 0) return false
  return words.some((_, at) =>
    phrase.every((word, i) => {
      const there = words[at + i]
      return there !== undefined && (started && i === last ? there.startsWith(word) : there === word)
    }),
  )
}
