import { describe, expect, it } from 'vitest'
import {
  bandOf,
  CorruptOctetsError,
  createModel,
  decodeFeatures,
  decodeModel,
  encodeFeatures,
  encodeModel,
  extractFeatures,
  type Features,
  type Model,
} from '../src/index.ts'
import { mailOf, sample } from './support.ts'

function trained(ham: number, spam: number): Model {
  const model = createModel()
  for (let n = 0; n < Math.max(ham, spam); n++) {
    if (n < ham) model.learn(extractFeatures(sample('ham', n)), 'ham')
    if (n < spam) model.learn(extractFeatures(sample('spam', n)), 'spam')
  }
  return model
}

function textsOf({ texts }: Features): string[] {
  return texts === null ? [] : Array.from({ length: texts.length }, (_, index) => texts.at(index))
}

describe('a model', () => {
  it('says nothing before it has learned', () => {
    const verdict = createModel().classify(extractFeatures(sample('spam', 1)))
    expect(verdict).toMatchObject({
      probability: 0.5,
      logOdds: 0,
      significant: false,
      weight: 0,
      evidence: [],
    })
  })

  it('tells the classes it has learned, and names the tokens', () => {
    const model = trained(100, 100)
    const spam = model.classify(extractFeatures(sample('spam', 1000)))
    const ham = model.classify(extractFeatures(sample('ham', 1000)))
    expect(bandOf(spam.probability)).toBe('spam')
    expect(bandOf(ham.probability)).toBe('ham')
    expect(spam.significant && ham.significant).toBe(true)
    expect(spam.evidence.map(([token]) => token)).toContain('casino')
    expect(spam.evidence.every(([, probability]) => probability > 0.5)).toBe(true)
  })

  it('shows how far training has come', () => {
    expect(trained(5, 162).describe()).toMatch(/^weight \d+ %: 162 spam \/ 5 good learned$/)
    expect(trained(5, 162).weight).toBeLessThan(0.5)
    expect(trained(0, 50).weight).toBe(0)
    expect(trained(0, 50).classify(extractFeatures(sample('spam', 1))).significant).toBe(false)
  })

  it('unlearns what it has just learned, with and without the receipt', () => {
    const model = trained(40, 40)
    const probe = extractFeatures(sample('spam', 77))
    const before = model.classify(probe).logOdds
    const wrong = extractFeatures(sample('spam', 500))
    const receipt = model.learn(wrong, 'ham')
    const moved = model.classify(probe).logOdds
    expect(moved).toBeLessThan(before - 0.1)
    model.unlearn(wrong, 'ham', receipt)
    expect(Math.abs(model.classify(probe).logOdds - before)).toBeLessThan(Math.abs(moved - before) * 0.9)
    model.learn(wrong, 'ham')
    model.unlearn(wrong, 'ham')
    expect(Math.abs(model.classify(probe).logOdds - before)).toBeLessThan(Math.abs(moved - before) * 0.9)
    expect(model.counts).toEqual({ ham: 40, spam: 40 })
  })

  it('hardly minds the order of lessons', () => {
    const inBlocks = createModel()
    for (let n = 0; n < 400; n++) inBlocks.learn(extractFeatures(sample('ham', n)), 'ham')
    for (let n = 0; n < 400; n++) inBlocks.learn(extractFeatures(sample('spam', n)), 'spam')
    for (let n = 1000; n < 1020; n++) {
      expect(bandOf(inBlocks.classify(extractFeatures(sample('ham', n))).probability)).not.toBe('spam')
      expect(bandOf(inBlocks.classify(extractFeatures(sample('spam', n))).probability)).toBe('spam')
    }
    // Messages of neither kind are not dragged along by the class learned last.
    const neutral = inBlocks.classify(extractFeatures(mailOf('blue', 'clouds over quiet water all week')))
    expect(bandOf(neutral.probability)).not.toBe('spam')
  })

  it('changes its mind when a message is relearned', () => {
    const model = trained(60, 60)
    const message = extractFeatures(mailOf('casino garden', 'winner meeting prize report offer project'))
    const receipt = model.learn(message, 'spam')
    model.unlearn(message, 'spam', receipt)
    model.learn(message, 'ham')
    expect(model.classify(message).probability).toBeLessThan(0.5)
    expect(model.counts).toEqual({ ham: 61, spam: 60 })
  })

  it('forgets tokens seen once, long ago, and keeps the others', () => {
    const model = createModel()
    model.learn(extractFeatures(mailOf('old', 'onceonly twice')), 'spam', { day: 10 })
    model.learn(extractFeatures(mailOf('new', 'twice recent')), 'spam', { day: 20 })
    model.expire(15)
    const { evidence, knownTokens } = model.classify(extractFeatures(mailOf('x', 'onceonly twice recent')))
    expect(knownTokens).toBeGreaterThan(2)
    expect(evidence.map(([token]) => token)).not.toContain('onceonly')
  })

  it('survives its binary form exactly', () => {
    const model = trained(30, 50)
    const octets = encodeModel(model)
    const again = decodeModel(octets)
    expect(encodeModel(again)).toEqual(octets)
    const probe = extractFeatures(sample('spam', 78))
    expect(again.classify(probe)).toEqual(model.classify(probe))
    for (const broken of [
      octets.subarray(0, 10),
      octets.subarray(0, octets.length - 3),
      Uint8Array.of(1, 2, 3, 4, 5),
    ]) {
      expect(() => decodeModel(broken)).toThrow(CorruptOctetsError)
    }
  })

  it('learns the same from encoded features', () => {
    const direct = createModel()
    const journal = createModel()
    for (let n = 0; n < 20; n++) {
      const features = extractFeatures(sample('spam', n))
      direct.learn(features, 'spam')
      journal.learn(decodeFeatures(encodeFeatures(features)), 'spam')
    }
    expect(encodeModel(journal)).toEqual(encodeModel(direct))
  })
})

describe('features', () => {
  it('fold words by the function given', () => {
    const fold = (word: string, language: string): string =>
      language === 'de' ? word.replace(/en$/, '') : word
    const texts = textsOf(extractFeatures(mailOf('Rechnungen', 'bitte zahlen', { language: 'de' }), { fold }))
    expect(texts).toContain('zahl')
    expect(texts).toContain('subject:rechnung')
  })

  it.each([
    ['zero-width characters', 'buy vi\u200bag\u200bra n\u200bow', 'viagra'],
    ['Cyrillic look-alikes', 'buy vi\u0430gr\u0430 now', 'viagra'],
    ['full-width letters', 'buy \uff56\uff49\uff41\uff47\uff52\uff41 now', 'viagra'],
    ['mathematical letters', 'buy \u{1d42f}\u{1d422}\u{1d41a}\u{1d420}\u{1d42b}\u{1d41a} now', 'viagra'],
    ['marks', 'buy v\u00ef\u00e0gr\u00e1 now', 'viagra'],
    ['spacing', 'buy V I A G R A now', 'viagra'],
    ['digits for letters', 'buy v1agra now', 'viagra'],
    ['Russian stays Russian', 'срочно нужен перевод', 'перевод'],
    ['Chinese as bigrams', '免费发票代开', '免费'],
    ['Arabic', 'اربح جائزة الآن', 'جائزة'],
  ])('see through %s', (_what, text, token) => {
    expect(textsOf(extractFeatures(mailOf('x', text)))).toContain(token)
  })

  it('are bounded and quick on giant tokens', () => {
    const features = extractFeatures(mailOf('x'.repeat(100_000), 'a1'.repeat(500_000)))
    expect(features.texts?.length).toBeLessThan(5000)
    expect(features.textGrams.length).toBeLessThan(10_000)
    expect(Math.max(...textsOf(features).map((text) => text.length))).toBeLessThan(90)
  })
})
