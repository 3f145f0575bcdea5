import { describe, expect, it } from 'vitest'
import { readTar } from '../src/archive.ts'
import { findArchive, loadCorpus, stripHeader } from '../src/labelled-mail.ts'
import { calibrationError, figuresOf, missedAt, type Outcome, oneMinusRoca } from '../src/metrics.ts'
import { ourFilter } from '../src/ours.ts'
import { runCold } from '../src/protocols.ts'

function outcomes(ham: readonly number[], spam: readonly number[], threshold = 0): Outcome[] {
  const one =
    (label: 'ham' | 'spam') =>
    (score: number): Outcome => ({
      label,
      score,
      called: score > threshold ? 'spam' : score === threshold ? 'unsure' : 'ham',
    })
  return [...ham.map(one('ham')), ...spam.map(one('spam'))]
}

describe('figures', () => {
  it.each([
    [[-2, -1], [1, 2], 0],
    [[1, 2], [-2, -1], 100],
    [[0, 0], [0, 0], 50],
    [[-1, 1], [0, 2], 25],
  ])('1-ROCA of ham %j and spam %j is %d', (ham, spam, expected) => {
    expect(oneMinusRoca(outcomes(ham, spam))).toBeCloseTo(expected, 10)
  })

  it('count unsure as not spam', () => {
    const { accuracy, hm, sm, unsure } = figuresOf(outcomes([-1, -1, -1, 5], [1, 0, 0, -1]))
    expect([accuracy, hm, sm, unsure]).toEqual([50, 25, 75, 25])
  })

  it('take half an error where there is none', () => {
    expect(figuresOf(outcomes([-1, -1], [1, 1])).lam).toBeCloseTo(25, 10)
  })

  it('find the spam missed at a share of ham', () => {
    const ham = Array.from({ length: 1000 }, (_, i) => -i)
    expect(missedAt(outcomes(ham, [0.5, -0.5, -1.5, 1]), 0.001)).toBe(25)
  })

  it('know a calibrated probability', () => {
    const calibrated = Array.from({ length: 100 }, (_, i) => ({
      label: i < 80 ? ('spam' as const) : ('ham' as const),
      probability: 0.8,
    }))
    expect(calibrationError(calibrated)).toBeCloseTo(0, 10)
    expect(calibrationError(calibrated.map(({ label }) => ({ label, probability: 0.2 })))).toBeCloseTo(
      0.6,
      10,
    )
  })
})

it('reads tar archives, long names included', () => {
  const file = (name: string, type: string, content: string): Buffer => {
    const header = Buffer.alloc(512)
    header.write(name)
    header.write(content.length.toString(8).padStart(11, '0'), 124)
    header.write(type, 156)
    header.write('ustar  ', 257)
    return Buffer.concat([header, Buffer.from(content), Buffer.alloc((512 - (content.length % 512)) % 512)])
  }
  const archive = Buffer.concat([
    file('d/', '5', ''),
    file('d/a', '0', 'first'),
    file('././@LongLink', 'L', `d/${'x'.repeat(150)}\0`),
    file('d/xxx', '0', 'second'),
    Buffer.alloc(1024),
  ])
  expect([...readTar(archive)].map(({ path, octets }) => [path, Buffer.from(octets).toString()])).toEqual([
    ['d/a', 'first'],
    [`d/${'x'.repeat(150)}`, 'second'],
  ])
})

it('strips a header to what any mail has', () => {
  const stripped = stripHeader(
    Buffer.from(
      'Received: a\n by b\nFrom: x\nSubject: s\n t\nTo: y\nContent-Type: text/plain\n\nbody\n\nmore',
    ),
  )
  expect(Buffer.from(stripped).toString()).toBe(
    'From: x\nSubject: s\n t\nContent-Type: text/plain\n\nbody\n\nmore',
  )
})

const archive = findArchive(process.env['RESTANTE_CORPUS'])
describe.skipIf(archive === null)(
  `the developer corpus${archive === null ? ' (skipped: RESTANTE_CORPUS names no archive)' : ''}`,
  () => {
    it('is told apart after 200 messages', { timeout: 120_000 }, async () => {
      const { shuffled } = loadCorpus(archive as string)
      const { outcomes: cold } = await runCold(await ourFilter(), shuffled.slice(0, 1700), 200)
      const { oneMinusRoca: area, hm, sm } = figuresOf(cold)
      expect(area).toBeLessThan(0.4)
      expect(hm).toBeLessThan(1)
      expect(sm).toBeLessThan(12)
    })
  },
)
