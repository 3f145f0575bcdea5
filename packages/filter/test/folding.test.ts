import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { type Fold, loadFold } from '../src/index.ts'

let fold: Fold
beforeAll(async () => {
  fold = await loadFold()
})

test.each([
  ['ru', ['письмо', 'письма'], 'письм'],
  ['ru', ['кредиты', 'кредитов'], 'кредит'],
  ['fr', ['gratuites', 'gratuitement'], 'gratuit'],
  ['fr', ['gagner', 'gagnez'], 'gagn'],
  ['de', ['rechnung', 'rechnungen'], 'rechnung'],
  ['de', ['häuser'], 'haus'],
  ['es', ['factura', 'facturas'], 'factur'],
  ['it', ['fattura', 'fatture'], 'fattur'],
  ['pt', ['fatura', 'faturas'], 'fatur'],
  ['uk', ['кредити'], 'кредит'],
])('%s: %j -> %s', (language, words, stem) => {
  for (const word of words) expect(fold(word, language)).toBe(stem)
})

test('English and unknown languages keep their words, and so does what is too long to be one', () => {
  expect(fold('invoices', 'en')).toBe('invoices')
  expect(fold('invoices', '')).toBe('invoices')
  expect(fold('invoices', 'constructor')).toBe('invoices')
  expect(fold('я'.repeat(41), 'ru')).toBe('я'.repeat(41))
})

test('the same word gives the same stem in another fold, before and after many others', async () => {
  const other = await loadFold()
  const language = fc.constantFrom('de', 'es', 'fr', 'it', 'pt', 'ru', 'uk')
  const word = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'аеиоуыяюёьйнтскрвмлпдгбзжшщчцхфэъ'), minLength: 1, maxLength: 14 }),
    fc.string({
      unit: fc.constantFrom(..."aeiouyéèêàçäöüßñãõímnrstldcbpgfvhqjxz'-"),
      minLength: 1,
      maxLength: 14,
    }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 14 }),
  )
  fc.assert(
    fc.property(language, word, (code, text) => {
      const stem = fold(text, code)
      expect(stem).not.toBe('')
      expect(other(text, code)).toBe(stem)
      expect(fold(text, code)).toBe(stem)
    }),
    { numRuns: 3000 },
  )
})

test('a flood of new words does not change what is known, nor stay in memory', () => {
  const before = fold('rechnungen', 'de')
  for (let i = 0; i < 60_000; i++) fold(`wort${i}`, 'de')
  expect(fold('rechnungen', 'de')).toBe(before)
})
