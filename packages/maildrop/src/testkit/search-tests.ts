import { describe, expect } from 'vitest'
import type { MessageRecord } from '../record.ts'
import { parseRecordQuery } from '../record-query.ts'
import { EVERY_RECORD, isSearchableStore, type RecordQuery, type SearchableStore } from '../search.ts'
import {
  ADMIN,
  DAY_MS,
  type Fixture,
  type MakeStore,
  message,
  orderFor,
  recordOf,
  START_MS,
  testsOn,
} from './fixture.ts'

function storeOf({ store }: Fixture): SearchableStore {
  if (!isSearchableStore(store)) throw new Error('the store cannot search')
  return store
}

function queryOf(text: string): RecordQuery {
  const parsed = parseRecordQuery(text, START_MS)
  if ('wrong' in parsed) throw new Error(parsed.wrong)
  return parsed.query
}

/** The subjects a query finds, the last stored first. */
async function subjects(fixture: Fixture, text: string, account = 'all'): Promise<readonly string[]> {
  return (await storeOf(fixture).search(account, queryOf(text))).found.map(({ subject }) => subject)
}

const NO_SYMBOLS = { score: 0, threshold: null, symbols: [], skipped: [] }

const RECORDS: readonly Partial<MessageRecord>[] = [
  {
    subject: 'Invoice 4711 for November',
    from: 'Bob Builder <bob@supplier.example>',
    attachments: [{ name: 'Rechnung-2026.pdf', type: 'application/pdf', sizeOctets: 9 }],
    sizeOctets: 2_000_000,
    receivedAtMs: START_MS - DAY_MS,
    verdict: { disposition: 'accept', ...NO_SYMBOLS },
    messageId: '<4711@supplier.example>',
  },
  {
    subject: 'Your parcel',
    from: '“DHL Express” <parcel@cheap.example>',
    reversePath: 'bounce-77@mailer.example',
    attachments: [],
    sizeOctets: 1000,
    verdict: { disposition: 'quarantine', ...NO_SYMBOLS },
  },
  {
    subject: 'GRÜSSE: Срочно нужен перевод',
    from: 'Éloïse <eloise@château.example>',
    attachments: [],
    sizeOctets: 5000,
    verdict: { disposition: 'tag', ...NO_SYMBOLS },
  },
  {
    subject: '会議の資料',
    from: 'Parcel Service <a@b.example>',
    attachments: [{ name: 'parcel list.xlsx', type: '', sizeOctets: 1 }],
    sizeOctets: 10_000,
    verdict: { disposition: 'accept', ...NO_SYMBOLS },
  },
]
const [INVOICE, PARCEL, GREETING, MEETING] = RECORDS.map(({ subject }) => subject as string)

/** Delivers {@link RECORDS}, one a minute. */
async function deliverAll(fixture: Fixture): Promise<{ readonly id: string }> {
  const anna = await fixture.account()
  for (const record of RECORDS) {
    fixture.nowMs += 60_000
    await fixture.deliver(anna, message('x'), {
      record: recordOf({ receivedAtMs: fixture.nowMs, ...record }),
    })
  }
  return anna
}

/** Searching the records of messages. */
export function searchTests(makeStore: MakeStore): void {
  const test = testsOn(makeStore)

  test('every kind of question finds what it asks for, and nothing else', async (fixture) => {
    await deliverAll(fixture)
    const table: readonly (readonly [string, readonly (string | undefined)[]])[] = [
      ['', [MEETING, GREETING, PARCEL, INVOICE]],
      ['invoice', [INVOICE]],
      ['INVO*', [INVOICE]],
      ['invo', []],
      ['nvoice*', []],
      ['parcel', [MEETING, PARCEL]],
      ['from:parcel', [MEETING, PARCEL]],
      ['subject:parcel', [PARCEL]],
      ['attachment:parcel', [MEETING]],
      ['from:bob@supplier.example', [INVOICE]],
      ['from:"dhl express"', [PARCEL]],
      ['from:"express dhl"', []],
      ['from:bounce-77@mailer', [PARCEL]],
      ['from:bounce-77@mail', []],
      ['from:"dhl exp*"', [PARCEL]],
      ['from:example', [MEETING, GREETING, PARCEL, INVOICE]],
      ['to:anna@acme.example', [MEETING, GREETING, PARCEL, INVOICE]],
      ['to:bob', []],
      ['subject:"4711 for"', [INVOICE]],
      ['subject:"for 4711"', []],
      ['subject:"november bob"', []],
      ['grüsse', [GREETING]],
      ['GRUSSE срочно', [GREETING]],
      ['перев*', [GREETING]],
      ['from:chateau', [GREETING]],
      ['資料', [MEETING]],
      ['料*', [MEETING]],
      ['料資', []],
      ['rechnung', [INVOICE]],
      ['has:attachment', [MEETING, INVOICE]],
      ['has:attachment parcel', [MEETING]],
      ['verdict:quarantine', [PARCEL]],
      ['verdict:quarantined verdict:tagged', [GREETING, PARCEL]],
      ['verdict:reject', []],
      ['size:>1MB', [INVOICE]],
      ['size:>1000 size:<10KB', [GREETING]],
      ['size:>999 size:<1001', [PARCEL]],
      ['after:2026-03-02', [MEETING, GREETING, PARCEL]],
      ['before:2026-03-02', [INVOICE]],
      ['after:2026-03-02T08:03', [MEETING, GREETING]],
      ['after:1d', [MEETING, GREETING, PARCEL, INVOICE]],
      ['after:2026-03-01 before:2026-03-02 verdict:accept', [INVOICE]],
      ['id:4711@supplier.example', [INVOICE]],
      ['id:<4711@SUPPLIER.example>', []],
      ['"OR" NOT', []],
      ['* ^ ( " AND', []],
      ['verdict:accept from:builder subject:november has:attachment size:>1MB', [INVOICE]],
    ]
    for (const [text, expected] of table) expect(await subjects(fixture, text), text).toEqual(expected)
  })

  test('only the account asked for', async (fixture) => {
    const anna = await deliverAll(fixture)
    const bert = await fixture.account('bert@acme.example')
    await fixture.deliver(bert, message('x'), { record: recordOf({ subject: 'Invoice' }) })
    expect(await subjects(fixture, 'invoice')).toEqual(['Invoice', INVOICE])
    expect(await subjects(fixture, 'invoice', anna.id)).toEqual([INVOICE])
    expect(await subjects(fixture, '', bert.id)).toEqual(['Invoice'])
    expect(await subjects(fixture, '', 'nobody')).toEqual([])
    await fixture.store.directory.eraseAccount(bert.id)
    expect(await subjects(fixture, 'invoice')).toEqual([INVOICE])
  })

  test('what is found is the whole record, and where the copy is now', async (fixture) => {
    const anna = await fixture.account()
    const record = recordOf()
    const held = await fixture.hold(anna, message('x'), { record })
    const { found } = await storeOf(fixture).search(anna.id, EVERY_RECORD)
    expect(found).toEqual([{ ...record, id: held, currentId: held, account: anna.id, folder: 'quarantine' }])
    const outcome = await fixture.store.release(held, ADMIN)
    const released = 'released' in outcome ? outcome.released : ''
    const inInbox = { id: held, currentId: released, folder: 'inbox' }
    for (const text of [
      `id:${held}`,
      `id:${released}`,
      `id:${released.slice(0, 20)}`,
      `id:${held.slice(0, 6)}`,
      'folder:inbox',
    ]) {
      const page = await storeOf(fixture).search('all', queryOf(text))
      expect(page.found, text).toMatchObject([inInbox])
    }
    for (const text of ['folder:quarantine', 'id:ZZZZZZZZ', `id:${held.slice(0, 5)}`])
      expect(await subjects(fixture, text), text).toEqual([])
    await fixture.store.discard(released, ADMIN)
    const after = await storeOf(fixture).search('all', EVERY_RECORD)
    expect(after.found, 'the mail is gone, the record stays').toMatchObject([{ folder: null }])
    expect(await subjects(fixture, 'folder:inbox')).toEqual([])
  })

  describe('pages', () => {
    test('cover everything once, whatever is stored meanwhile', async (fixture) => {
      const anna = await fixture.account()
      const deliver = (from: number, to: number) =>
        fixture.commit(
          message('bulk'),
          Array.from({ length: to - from }, (_, i) =>
            orderFor(anna, {
              folder: i % 2 === 0 ? 'inbox' : 'lists',
              record: recordOf({ subject: `bulk ${from + i}` }),
            }),
          ),
        )
      await deliver(0, 120)
      for (const text of ['bulk', 'folder:lists', 'bulk folder:lists', 'verdict:tag']) {
        const expected = (await subjectsOfAll(fixture, text)).length
        const seen: string[] = []
        let after: string | undefined
        for (let pages = 0; pages < 20; pages++) {
          const page = await storeOf(fixture).search(anna.id, queryOf(text), {
            limit: 17,
            ...(after === undefined ? {} : { after }),
          })
          seen.push(...page.found.map(({ subject }) => subject))
          if (pages === 1)
            await fixture.deliver(anna, message('x'), {
              record: recordOf({ subject: `bulk, during ${text}` }),
            })
          if (page.next === null) break
          expect(page.found).toHaveLength(17)
          after = page.next
        }
        expect(new Set(seen).size, text).toBe(seen.length)
        expect(seen, text).toHaveLength(expected)
      }
    })

    test('end exactly at the last result', async (fixture) => {
      await deliverAll(fixture)
      const two = await storeOf(fixture).search('all', queryOf('parcel'), { limit: 2 })
      expect(two).toMatchObject({ found: [{}, {}], next: null })
      const one = await storeOf(fixture).search('all', queryOf('parcel'), { limit: 1 })
      expect(one.next).not.toBeNull()
    })
  })

  test('records that have expired are not found', async (fixture) => {
    await deliverAll(fixture)
    fixture.nowMs += 30 * DAY_MS
    await fixture.store.expire(fixture.nowMs)
    expect(await subjects(fixture, 'parcel')).toEqual([])
    expect(await subjects(fixture, '')).toEqual([])
  })
}

async function subjectsOfAll(fixture: Fixture, text: string): Promise<readonly string[]> {
  const page = await storeOf(fixture).search('all', queryOf(text), { limit: 500 })
  return page.found.map(({ subject }) => subject)
}
