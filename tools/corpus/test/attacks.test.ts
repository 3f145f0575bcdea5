import { factsOf } from '@restante/message'
import { describe, expect, it } from 'vitest'
import { ATTACKS, type Attack, attackInput } from '../src/attacks.ts'

const SPAM = Buffer.from(
  'From: x@x.example\nSubject: win money now\nContent-Type: text/plain\n\nClaim your secret prize money today\n',
)
const GOOD = Buffer.from('From: friend@good.example\nSubject: lunch\n\nlunch on Tuesday\n')
const input = attackInput(
  SPAM,
  GOOD,
  Array.from({ length: 1000 }, (_, i) => `good${i}`),
)
const factsUnder = (name: string): ReturnType<typeof factsOf> => factsOf((ATTACKS[name] as Attack)(input))

describe('attacks', () => {
  it.each(
    Object.keys(ATTACKS).filter((name) => !/image|synonym|digits|spaced|look-alike|zero-width/.test(name)),
  )('%s: the reader still sees the spam', (name) => {
    expect(factsUnder(name).text.replace(/\s+/g, ' ')).toContain('Claim your secret prize money today')
  })

  it.each(['text hidden by style', 'text in background colour', 'text of no size'])(
    '%s: our walk sees it as hidden',
    (name) => {
      const facts = factsUnder(name)
      expect(facts.hiddenText).toContain('good1')
      expect(facts.text).not.toContain('good1')
    },
  )

  it.each(['comments in words', 'tags in words'])('%s: our walk counts them', (name) => {
    expect(factsUnder(name).html?.splitWords).toBeGreaterThan(2)
  })

  it('a lying charset is named', () => {
    expect(factsUnder('base64, lying charset').defects).toContain('charset-lies')
  })
})
