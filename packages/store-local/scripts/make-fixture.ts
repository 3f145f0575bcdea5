import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { gzipSync } from 'node:zlib'
import { deviceView, type MessageRecord } from '@restante/maildrop'
import { openLocalStore } from '../src/index.ts'
import { accountId, deliverOne, envelope, inbox, openMaildrop } from '../test/deliveries.ts'

/**
 * Makes `test/data/schema-N`: a small store as this release writes it, every file gzipped. Run before a release that
 * changed a schema; `schema-fixtures.test.ts` opens every one of them ever after.
 */
const FIXED_MS = Date.UTC(2026, 10, 1, 8)
const directory = mkdtempSync(join(tmpdir(), 'restante-fixture-'))
const store = await openLocalStore({ directory, now: () => FIXED_MS, floorOctets: 0 })
const anna = await accountId(store)
await store.directory.setCredentials(anna, 'phone', [{ scheme: 'argon2id', verifier: 'v' }])
await store.directory.putDomain({ name: 'acme.example', catchAll: 'anna@acme.example' })
await store.directory.putAlias({ address: 'office@acme.example', targets: ['anna@acme.example'] })
await store.directory.changeAccount(anna, { quotaOctets: 2_000_000_000 })

const text = (subject: string): Uint8Array => Buffer.from(`Subject: ${subject}\r\n\r\nHello.\r\n`)
const record: MessageRecord = {
  receivedAtMs: FIXED_MS,
  clientIp: '192.0.2.1',
  helo: 'sender.example',
  reversePath: 'bob@sender.example',
  recipient: 'anna@acme.example',
  sizeOctets: 30,
  from: 'Bob Builder <bob@sender.example>',
  subject: 'Invoice for November',
  messageId: '<1@sender.example>',
  attachments: [{ name: 'invoice.pdf', type: 'application/pdf', sizeOctets: 12_345 }],
  verdict: { disposition: 'quarantine', score: 9.5, threshold: 9, symbols: [], skipped: [] },
  spamProbability: 0.75,
  features: Uint8Array.of(1, 2, 3),
  judgedBy: 'rules 1',
}
await deliverOne(store, anna, text('kept'))
await deliverOne(store, anna, text('hidden from the phone'))
const removed = await deliverOne(store, anna, text('removed'))
const staged = await store.stage(text('held'))
await staged.commit(envelope(FIXED_MS), [
  {
    account: anna,
    folder: 'quarantine',
    prefix: Buffer.from('X-Restante-Verdict: quarantined\r\n'),
    hold: { class: 'spam', reason: 'It looks like spam.', expiresAtMs: null },
    record,
  },
])
await store.discard(removed, { account: null, by: 'command' })
const phone = await openMaildrop(store, { ...inbox(anna), view: deviceView('phone') })
await phone.commit([1])
await phone[Symbol.asyncDispose]()
await store.learning.lessons.append([
  { owner: 'global', action: 'learn', label: 'ham', hash: 'h', features: Uint8Array.of(1), atMs: FIXED_MS },
])
await store.close()

const database = new DatabaseSync(join(directory, 'index.db'))
const version = (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version
database.close()
const target = new URL(`../test/data/schema-${version}`, import.meta.url).pathname
rmSync(target, { recursive: true, force: true })
mkdirSync(join(target, 'segments'), { recursive: true })
for (const name of ['index.db', 'facts.db', 'model.db']) pack(name)
for (const name of readdirSync(join(directory, 'segments'))) pack(join('segments', name))
rmSync(directory, { recursive: true })

function pack(name: string): void {
  writeFileSync(join(target, `${name}.gz`), gzipSync(readFileSync(join(directory, name)), { level: 9 }))
}
