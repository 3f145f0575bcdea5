import { describe, expect, test } from 'vitest'
import { LANGUAGES, type Language, languageFor, TEXT_IDS, textFor } from '../src/index.ts'

describe('texts', () => {
  test('every text exists in every language', () => {
    for (const id of TEXT_IDS) {
      const places = (language: Language) => (textFor(id, language).match(/\{\w+\}/g) ?? []).sort()
      for (const language of Object.keys(LANGUAGES) as Language[]) {
        const text = textFor(id, language)
        expect(text).not.toBe('')
        // A text that starts like a response code would be read as one; controls would break the line.
        expect(text).not.toMatch(/^\[|[\u0000-\u001f\u007f]/)
        expect(places(language)).toEqual(places('en'))
        expect(Buffer.byteLength(text)).toBeLessThan(480)
      }
    }
  })

  test.each([
    ['en', 'en'],
    ['EN-us', 'en'],
    ['ru', 'ru'],
    ['fr-CA', 'fr'],
    ['de-Latn-AT', 'de'],
    ['*', 'en'],
    ['i-default', 'en'],
    ['tlh', null],
    ['d', null],
    ['de-', null],
    ['de_AT', null],
    ['constructor', null],
    ['', null],
  ])('%j -> %s', (tag, language) => {
    expect(languageFor(tag)).toBe(language)
  })
})
