/** Frequent short words by language; enough to tell the ones Latin mail comes in. */
const STOP_WORDS: readonly (readonly [string, string])[] = [
  [
    'en',
    'the and you your for that this with have are from not will was can our please but all has it is to of in',
  ],
  [
    'de',
    'der die das und nicht sie ist ein eine mit für auf den dem von zu wir ihre ihr ich sich auch werden bitte',
  ],
  [
    'fr',
    'le la les des et vous votre pour dans est une un nous que qui sur avec pas ce au par du plus merci',
  ],
  [
    'es',
    'el la los las que de y en su para con una un por se no usted es del más al como le nuestro gracias',
  ],
  ['it', 'il lo la gli che di e un una per con non sono del della è le si ha nel questo grazie anche'],
  ['pt', 'o os as que de e em um uma para com não você seu sua por se do da no na mais é obrigado'],
  ['nl', 'de het een en van is dat niet u uw voor met op zijn te wij aan ook bij naar'],
  ['pl', 'nie się jest na do to że w z i o po za dla przez jak od oraz proszę'],
  ['tr', 've bir bu için ile de da çok size olarak daha gibi ne kadar'],
  ['sv', 'och att det som en på är av för med den till inte jag har du'],
]
const LANGUAGES_OF_WORD = new Map<string, number[]>()
for (const [index, [, list]] of STOP_WORDS.entries()) {
  for (const word of list.split(' ')) {
    const languages = LANGUAGES_OF_WORD.get(word)
    if (languages === undefined) LANGUAGES_OF_WORD.set(word, [index])
    else if (!languages.includes(index)) languages.push(index)
  }
}

const SCRIPTS: readonly (readonly [string, RegExp])[] = [
  ['ja', /[\u3040-\u30ff]/g],
  ['ko', /[\uac00-\ud7af]/g],
  ['zh', /[\u4e00-\u9fff]/g],
  ['ru', /[\u0400-\u04ff]/g],
  ['ar', /[\u0600-\u06ff]/g],
  ['he', /[\u0590-\u05ff]/g],
  ['el', /[\u0370-\u03ff]/g],
  ['th', /[\u0e00-\u0e7f]/g],
  ['hi', /[\u0900-\u097f]/g],
]
const SAMPLE = 1200
const MAX_WORDS = 100
/** No stop word is longer. */
const LONGEST = 8
const NOT_LATIN = /[\u0370-\uffff]/

/**
 * The language a text is probably in, as an ISO 639-1 code, or '' where nothing tells. By script, and for Latin
 * script by frequent words; a hint for folding words, never evidence by itself. Looks at the first 1,200 characters.
 */
export function guessLanguage(text: string): string {
  const sample = text.slice(0, SAMPLE).toLowerCase()
  if (NOT_LATIN.test(sample)) {
    let best = ''
    let most = 0
    for (const [name, script] of SCRIPTS) {
      const count = sample.match(script)?.length ?? 0
      // Japanese is written mostly in Chinese characters: some kana decide.
      const weight = name === 'ja' ? count * 4 : count
      if (weight > most) {
        most = weight
        best = name
      }
    }
    if (most >= 5 && most * 5 >= sample.length) {
      return best === 'ru' && /[іїєґ]/.test(sample) && !/[ыэъё]/.test(sample) ? 'uk' : best
    }
  }
  const counts = new Array<number>(STOP_WORDS.length).fill(0)
  let words = 0
  let start = -1
  for (let i = 0; i <= sample.length && words < MAX_WORDS; i++) {
    const code = i < sample.length ? sample.charCodeAt(i) : 0
    const letter = (code >= 97 && code <= 122) || (code >= 0xdf && code < 0x250 && code !== 0xf7)
    if (letter) {
      if (start < 0) start = i
    } else if (start >= 0) {
      words++
      const languages = i - start > LONGEST ? undefined : LANGUAGES_OF_WORD.get(sample.slice(start, i))
      if (languages !== undefined) for (const n of languages) counts[n] = (counts[n] as number) + 1
      start = -1
    }
  }
  const most = Math.max(...counts)
  if (most < 2 || most * 12 < words) return ''
  return STOP_WORDS[counts.indexOf(most)]?.[0] ?? ''
}
