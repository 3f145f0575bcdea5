/** Characters that show nothing: zero-width ones, joiners, soft hyphens, direction marks, variation selectors, tags. */
const INVISIBLE = /\p{Cf}|\u034f|\u115f|\u1160|\u17b4|\u17b5|[\u180b-\u180d]|\u3164|\uffa0|[\ufe00-\ufe0f]/gu
const NOT_ASCII = /[^\x00-\x7f]/
const LATIN_MARKS = /([a-zA-Z])\p{M}+/gu

/** Look-alikes of Latin letters in Cyrillic, Greek, Armenian, Cherokee and IPA, lower and upper case. */
const LOOKALIKES = new Map<string, string>()
for (const pair of (
  'аa еe оo рp сc уy хx іi јj ѕs һh ԁd ԛq ԝw ѵv ѡw кk мm тt вb нh гr пn иu зe бb ьb яr ɡg ɑa ɩi ıi ȷj ʏy ʀr ɴn ' +
  'АA ВB ЕE КK МM НH ОO РP СC ТT УY ХX ІI ЈJ ЅS ҺH ԌG ԚQ ԜW ГR ' +
  'αa βb γy δd εe ηn ιi κk νv οo ρp σo τt υu χx ωw ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ' +
  'օo ոn սu հh ցg զq ѐe ёe їi ґr ӏl ꓲi ꓳo Ꭺa Ꭼe Ꮪs Ꮲp Ꭰd ƒf ℓl'
).split(' ')) {
  const [from, to] = [...pair]
  LOOKALIKES.set(from as string, (to as string).toLowerCase())
}
const WORD = /[\p{L}\p{M}\p{N}'’-]+/gu
const LATIN = /[a-zA-Z]/
const LOOKS_LATIN = /[\u0250-\u02af\u0370-\u058f\u13a0-\u13ff\ua4d0-\ua4ff]/

/** Text as it looks, and what was done to make it look different from what it is. */
export interface Normalised {
  readonly text: string
  /** `invisible`, `look-alike`, `styled`, `marks`. */
  readonly tricks: readonly string[]
}

const PLAIN: readonly string[] = []

/**
 * Brings text to the form a reader takes it in: compatibility forms folded (NFKC), invisible characters
 * removed, look-alike letters in words of mixed script turned Latin, marks on Latin letters dropped.
 */
export function normalise(text: string): Normalised {
  if (!NOT_ASCII.test(text)) return { text, tricks: PLAIN }
  const tricks: string[] = []
  let out = text
  const bare = out.replace(INVISIBLE, '')
  if (out.length - bare.length > 2) tricks.push('invisible')
  out = bare
  // Styled letters: mathematical alphanumerics, full-width forms, enclosed letters.
  if (/[\u{1d400}-\u{1d7ff}\uff21-\uff5a\u24b6-\u24e9\u{1f130}-\u{1f189}]/u.test(out)) tricks.push('styled')
  out = out.normalize('NFKC')
  if (LOOKS_LATIN.test(out) && LATIN.test(out)) {
    let mixed = 0
    out = out.replace(WORD, (word) => {
      if (!LATIN.test(word) || !LOOKS_LATIN.test(word)) return word
      mixed++
      let latin = ''
      for (const character of word) latin += LOOKALIKES.get(character) ?? character
      return latin
    })
    if (mixed > 0) tricks.push('look-alike')
  }
  const before = out.length
  out = out.normalize('NFD').replace(LATIN_MARKS, '$1').normalize('NFC')
  if (before - out.length > 40) tricks.push('marks')
  return { text: out, tricks }
}
