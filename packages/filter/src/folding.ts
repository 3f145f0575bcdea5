/** Folds a lower-case word of a language (ISO 639-1, or empty) to its stem. */
export type Fold = (word: string, language: string) => string

// natural is loaded here and nowhere else, by subpath: its front door brings database drivers along.
const STEMMERS: Readonly<
  Record<string, () => Promise<{ readonly default: { stem(word: string): string } }>>
> = {
  de: () => import('natural/lib/natural/stemmers/porter_stemmer_de.js'),
  es: () => import('natural/lib/natural/stemmers/porter_stemmer_es.js'),
  fr: () => import('natural/lib/natural/stemmers/porter_stemmer_fr.js'),
  it: () => import('natural/lib/natural/stemmers/porter_stemmer_it.js'),
  pt: () => import('natural/lib/natural/stemmers/porter_stemmer_pt.js'),
  ru: () => import('natural/lib/natural/stemmers/porter_stemmer_ru.js'),
  uk: () => import('natural/lib/natural/stemmers/porter_stemmer_uk.js'),
}

const REMEMBERED_WORDS = 20_000
const LONGEST_WORD = 40

/**
 * Loads the stemmers (about 30 ms) and gives a fold that is the same in every process: features must not depend on
 * who made them. Languages without a stemmer, English among them, keep their words: there it did not help.
 */
export async function loadFold(): Promise<Fold> {
  const stemmers = new Map<string, (word: string) => string>()
  const remembered = new Map<string, Map<string, string>>()
  await Promise.all(
    Object.entries(STEMMERS).map(async ([language, load]) => {
      const { default: stemmer } = await load()
      stemmers.set(language, (word) => stemmer.stem(word))
      remembered.set(language, new Map())
    }),
  )
  return (word, language) => {
    const stem = stemmers.get(language)
    if (stem === undefined || word.length > LONGEST_WORD) return word
    const known = remembered.get(language) as Map<string, string>
    const before = known.get(word)
    if (before !== undefined) return before
    if (known.size >= REMEMBERED_WORDS) known.clear()
    const folded = stem(word) || word
    known.set(word, folded)
    return folded
  }
}
