import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type MessageRecord, parseRecordQuery } from '@restante/maildrop'
import { openLocalStore } from '../src/index.ts'
import { keepWords, recordWords } from '../src/record-words.ts'
import { connect } from '../src/schema.ts'

/** Measures searches over generated records, a million unless told otherwise: `--records N --directory DIR`. */
const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '1000000' },
    directory: { type: 'string', default: tmpdir() },
  },
})
const count = Number(values.records)
const directory = mkdtempSync(join(values.directory, 'restante-measure-'))
const store = await openLocalStore({ directory, floorOctets: 0 })
const accounts: string[] = []
for (let i = 0; i < 200; i++) {
  const account = await store.directory.addAccount(`person${i}@acme.example`)
  if (account) accounts.push(account.id)
}

let seed = 1
/** A number below `below`; the same every run. */
function draw(below: number): number {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
  return Math.floor((seed / 0x80000000) * below)
}
/** Words of which a few are everywhere and most are rare, as in languages. */
const word = (): string => `w${Math.floor(20_000 ** (draw(1_000_000) / 1_000_000))}`
const words = (n: number): string => Array.from({ length: n }, word).join(' ')
const DISPOSITIONS = ['tag', 'tag', 'tag', 'quarantine', 'reject'] as const
const startMs = Date.now() - 30 * 86_400_000

function record(i: number): MessageRecord {
  const sender = `${word()}.${word()}@d${draw(30_000)}.example`
  return {
    receivedAtMs: startMs + Math.floor((i / count) * 30 * 86_400_000),
    clientIp: '192.0.2.1',
    helo: 'mx.example',
    reversePath: sender,
    recipient: `person${draw(200)}@acme.example`,
    sizeOctets: 2 ** (10 + draw(12)) + draw(1000),
    from: `${words(2)} <${sender}>`,
    subject: words(6),
    messageId: `<${i}@d.example>`,
    attachments: draw(5) === 0 ? [{ name: `${words(2)}.pdf`, type: 'application/pdf', sizeOctets: 1 }] : [],
    verdict: {
      disposition: draw(12) === 0 ? (DISPOSITIONS[draw(5)] ?? 'tag') : 'accept',
      score: draw(100) / 10,
      threshold: 6,
      symbols: [{ symbol: 'GENERATED', score: 1, why: 'It was made up.' }],
      skipped: [],
    },
    spamProbability: 0.5,
    judgedBy: 'rules 1',
  }
}

const facts = connect(directory, 'facts', 10_000)
let begun = performance.now()
for (let i = 0; i < count; ) {
  facts.exec('BEGIN IMMEDIATE')
  for (const end = Math.min(count, i + 5000); i < end; i++) {
    const made = record(i)
    const account = accounts[draw(accounts.length)] as string
    const { lastRow } = facts.run(
      'INSERT INTO records (id, account, received_at_ms, size, record, features) VALUES (?, ?, ?, ?, ?, ?)',
      `01${String(i).padStart(24, '0')}`,
      account,
      made.receivedAtMs,
      made.sizeOctets,
      JSON.stringify(made),
      new Uint8Array(300),
    )
    keepWords(facts, lastRow, recordWords(account, made))
  }
  facts.exec('COMMIT')
}
const octets = facts.get<{ v: number }>(
  'SELECT page_count * page_size AS v FROM pragma_page_count, pragma_page_size',
)
console.log(
  `${count} records made in ${Math.round((performance.now() - begun) / 1000)} s, ${Math.round((octets?.v ?? 0) / 1e6)} MB`,
)
facts.close()

const day = (back: number): string => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10)
const queries: readonly (readonly [string, string])[] = [
  ['all', 'from:d777.example'],
  ['all', 'subject:"w15000 w3"'],
  ['all', 'w19876'],
  ['all', 'w1987*'],
  ['all', 'from:"w3 w12*" verdict:reject'],
  ['all', `verdict:quarantine subject:w77 after:${day(20)}`],
  ['all', `from:w5.w9 has:attachment before:${day(3)}`],
  ['all', 'verdict:quarantine size:>1MB has:attachment'],
  ['all', 'to:person77 verdict:reject'],
  ['all', 'id:01000000000000000000654321'],
  ['all', 'id:<654321@d.example>'],
  ['all', `after:${day(1)} verdict:quarantine`],
  ['all', `before:${day(29)} verdict:reject`],
  ['all', 'w1 w2 w3 w4'],
  ['all', 'has:attachment'],
  ['all', ''],
  ['one', ''],
  ['one', 'verdict:quarantine'],
  ['one', 'subject:w500'],
  ['one', 'from:w1 subject:w1 size:>100KB'],
]
const medians: number[] = []
for (const [scope, text] of queries) {
  const parsed = parseRecordQuery(text, Date.now())
  if ('wrong' in parsed) throw new Error(parsed.wrong)
  const times: number[] = []
  let found = 0
  for (let i = 0; i < 15; i++) {
    begun = performance.now()
    const page = await store.search(scope === 'all' ? 'all' : (accounts[7] as string), parsed.query)
    times.push(performance.now() - begun)
    found = page.found.length
  }
  times.sort((a, b) => a - b)
  const median = times[7] as number
  medians.push(median)
  const first = (times[14] as number).toFixed(1)
  console.log(`${median.toFixed(1).padStart(8)} ms  (slowest ${first})  ${scope}  ${text}  ${found} found`)
}
medians.sort((a, b) => a - b)
console.log(`median of the medians ${medians[medians.length >> 1]?.toFixed(1)} ms`)
begun = performance.now()
const { records } = await store.expire(startMs + 30 * 86_400_000 + (30 / count) * 10_000 * 86_400_000)
console.log(`${records} records expired in ${((performance.now() - begun) / 1000).toFixed(1)} s`)
await store.close()
rmSync(directory, { recursive: true })
