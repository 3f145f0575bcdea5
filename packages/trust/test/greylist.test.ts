import { parsePath } from '@restante/mail'
import { describe, expect, test } from 'vitest'
import {
  GREYLIST_DEFAULTS,
  type GreylistAttempt,
  type GreylistPort,
  type GreylistRecord,
  greylist,
  greylistKeys,
  judgeGreylist,
  type SenderHistory,
} from '../src/index.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

function attempt(more: Partial<GreylistAttempt> = {}): GreylistAttempt {
  return {
    clientIp: '8.8.8.8',
    reversePath: parsePath('stranger@far.example'),
    recipient: { localPart: 'anna', domain: 'acme.example' },
    atMs: 0,
    trusted: false,
    suspicions: ['no reverse name'],
    spfPassed: false,
    ...more,
  }
}

function memory(
  history: Partial<SenderHistory> = {},
): GreylistPort & { readonly records: Map<string, GreylistRecord> } {
  const records = new Map<string, GreylistRecord>()
  return {
    records,
    read: async (key) => records.get(key) ?? null,
    write: async (key, record) => void records.set(key, record),
    history: async () => ({ accepted: 0, released: 0, reported: 0, ...history }),
  }
}

describe('a stranger', () => {
  test('waits, comes again, and is let in from then on', async () => {
    const port = memory()
    const at = (atMs: number) => greylist(attempt({ atMs }), port)
    expect(await at(0)).toEqual({ action: 'defer', reason: 'first', retryAfterMs: 5 * MINUTE_MS })
    expect(await at(MINUTE_MS)).toEqual({ action: 'defer', reason: 'early', retryAfterMs: 4 * MINUTE_MS })
    expect(await at(5 * MINUTE_MS)).toEqual({ action: 'accept', reason: 'came-again', passed: true })
    expect(await at(5 * MINUTE_MS + 1)).toMatchObject({ reason: 'came-again' })
    expect(await at(40 * DAY_MS)).toMatchObject({ action: 'defer', reason: 'first' })
  })

  test('who comes again too late starts over', async () => {
    const port = memory()
    await greylist(attempt(), port)
    expect(await greylist(attempt({ atMs: 2 * DAY_MS + 1 }), port)).toMatchObject({ reason: 'first' })
    expect(await greylist(attempt({ atMs: 2 * DAY_MS + 1 + 5 * MINUTE_MS }), port)).toMatchObject({
      reason: 'came-again',
    })
  })

  test('another host of his network, and another number in his address, are still he', async () => {
    const port = memory()
    await greylist(attempt({ reversePath: parsePath('bounce-111@far.example') }), port)
    const again = attempt({
      clientIp: '8.8.8.99',
      reversePath: parsePath('bounce-222@far.example'),
      atMs: DAY_MS,
    })
    expect(await greylist(again, port)).toMatchObject({ action: 'accept' })
    const other = attempt({ clientIp: '9.9.9.9', atMs: DAY_MS })
    expect(await greylist(other, port)).toMatchObject({ reason: 'first' })
  })

  test('a network that brought five strangers twice is let in at once', async () => {
    const port = memory()
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const one = { reversePath: parsePath(`${name}@${name}.example`) }
      expect(await greylist(attempt(one), port)).toMatchObject({ action: 'defer' })
      for (const atMs of [DAY_MS, DAY_MS + 1, DAY_MS + 2]) await greylist(attempt({ ...one, atMs }), port)
    }
    expect(port.records.get('8.8.8.0/24')).toMatchObject({ passes: 5 })
    expect(await greylist(attempt({ atMs: 2 * DAY_MS }), port)).toMatchObject({ reason: 'known-network' })
  })
})

describe('let in at once', () => {
  test.each([
    ['who logged in', { trusted: true }, {}, 'trusted'],
    ['who has nothing against him', { suspicions: [] }, {}, 'unsuspicious'],
    ['who wrote before, proved by SPF', { spfPassed: true }, { accepted: 3 }, 'known-sender'],
    ['who was released, proved by SPF', { spfPassed: true }, { released: 1 }, 'known-sender'],
    ['local delivery', { clientIp: '' }, {}, 'local'],
  ] as const)('%s', async (_, more, history, reason) => {
    expect(await greylist(attempt(more), memory(history))).toMatchObject({ action: 'accept', reason })
  })

  test.each([
    ['who says he wrote before', {}, { accepted: 3 }],
    ['who was reported', { spfPassed: true }, { accepted: 3, reported: 1 }],
    ['a bounce', { reversePath: null }, { accepted: 3 }],
  ] as const)('not %s', async (_, more, history) => {
    expect(await greylist(attempt(more), memory(history))).toMatchObject({ action: 'defer' })
  })

  test('all strangers wait where the policy says so', async () => {
    const all = { onlySuspicious: false }
    expect(await greylist(attempt({ suspicions: [] }), memory(), all)).toMatchObject({ action: 'defer' })
  })
})

test('counts that cannot be had let the mail in', async () => {
  const broken = { ...memory(), read: () => Promise.reject(new Error('disk')) }
  expect(await greylist(attempt(), broken)).toEqual({ action: 'accept', reason: 'failed', passed: false })
  const readOnly = { ...memory(), write: () => Promise.reject(new Error('disk')) }
  expect(await greylist(attempt(), readOnly)).toMatchObject({ reason: 'failed' })
})

test('the judgement itself is a function of what it is given', () => {
  const evidence = { triplet: { firstMs: 0, lastMs: 0, passes: 0 }, network: null, history: null }
  const later = attempt({ atMs: GREYLIST_DEFAULTS.delayMs })
  expect(judgeGreylist(later, evidence, GREYLIST_DEFAULTS)).toMatchObject({ action: 'accept' })
  expect(judgeGreylist(attempt({ atMs: -5 }), evidence, GREYLIST_DEFAULTS)).toMatchObject({ reason: 'first' })
  expect(greylistKeys(attempt({ clientIp: '2a00:1:2:3:4::5' }))?.network).toBe('2a00:1:2:3::/64')
})
