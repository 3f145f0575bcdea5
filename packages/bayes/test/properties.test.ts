import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CorruptOctetsError,
  createModel,
  decodeFeatures,
  decodeModel,
  encodeFeatures,
  encodeModel,
  extractFeatures,
  type Features,
  type Label,
} from '../src/index.ts'
import { mailOf } from './support.ts'

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.lorem({ maxCount: 30 }))

function withoutTexts(features: Features): Features {
  return { ...features, texts: null }
}

describe('features', () => {
  it('survive their encoding, whatever the mail says', () => {
    fc.assert(
      fc.property(text, text, (subject, body) => {
        const features = extractFeatures(mailOf(subject, body))
        expect(decodeFeatures(encodeFeatures(features))).toEqual(withoutTexts(features))
        expect(extractFeatures(mailOf(subject, body)).textTokens).toEqual(features.textTokens)
      }),
    )
  })

  it('are refused when they are damaged', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        try {
          decodeFeatures(octets)
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptOctetsError)
        }
      }),
    )
    const whole = encodeFeatures(extractFeatures(mailOf('a', 'b c d')))
    for (let length = 0; length < whole.length; length += 7) {
      expect(() => decodeFeatures(whole.subarray(0, length))).toThrow(CorruptOctetsError)
    }
  })

  it('are made again after a fold that failed', () => {
    const fold = (): string => {
      throw new Error('no stemmer')
    }
    expect(() => extractFeatures(mailOf('x', 'some words'), { fold })).toThrow('no stemmer')
    expect(withoutTexts(extractFeatures(mailOf('x', 'other words')))).toEqual(
      withoutTexts(extractFeatures(mailOf('x', 'other words'))),
    )
  })
})

describe('a model', () => {
  const lesson = fc.record({ label: fc.constantFrom<Label>('ham', 'spam'), body: text })

  it('gives probabilities, keeps its counts and its binary form, whatever it learns', () => {
    fc.assert(
      fc.property(fc.array(lesson, { maxLength: 25 }), text, (lessons, probe) => {
        const model = createModel()
        for (const { label, body } of lessons) model.learn(extractFeatures(mailOf('s', body)), label)
        const verdict = model.classify(extractFeatures(mailOf('s', probe)))
        expect(verdict.probability).toBeGreaterThanOrEqual(0)
        expect(verdict.probability).toBeLessThanOrEqual(1)
        expect(Number.isFinite(verdict.logOdds)).toBe(true)
        expect(model.counts.ham + model.counts.spam).toBe(lessons.length)
        const again = decodeModel(encodeModel(model))
        expect(again.classify(extractFeatures(mailOf('s', probe))).logOdds).toBe(verdict.logOdds)
      }),
      { numRuns: 40 },
    )
  })

  it('knows no token any more when all lessons are taken back', () => {
    fc.assert(
      fc.property(fc.array(lesson, { minLength: 1, maxLength: 12 }), (lessons) => {
        const model = createModel()
        const done = lessons.map(({ label, body }) => {
          const features = extractFeatures(mailOf('s', body))
          return { label, features, receipt: model.learn(features, label) }
        })
        for (const { label, features, receipt } of done.reverse()) model.unlearn(features, label, receipt)
        expect(model.counts).toEqual({ ham: 0, spam: 0 })
        expect(model.state.tokens.sortedSlots().length).toBe(0)
        expect(model.state.hamReplay.kept.length + model.state.spamReplay.kept.length).toBe(0)
      }),
      { numRuns: 15 },
    )
  })
})
