import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { MessageRecord } from '@restante/maildrop'
import { openLocalStore } from '../src/index.ts'
import { accountId, envelope, inbox, openMaildrop, randomMessage } from '../test/deliveries.ts'

/** Measures deliveries and polls of a store on this machine's disk; `--directory` chooses another one. */
const { values } = parseArgs({ options: { directory: { type: 'string', default: tmpdir() } } })
const directory = mkdtempSync(join(values.directory, 'restante-measure-'))
const store = await openLocalStore({ directory })
const account = await accountId(store)
const prefix = Buffer.from(`Return-Path: <>\r\n${'X-Line: of forty octets, more or less..\r\n'.repeat(10)}`)
const record: MessageRecord = {
  receivedAtMs: Date.now(),
  clientIp: '192.0.2.1',
  helo: 'sender.example',
  reversePath: 'bob@sender.example',
  recipient: 'anna@acme.example',
  sizeOctets: 1000,
  from: 'Bob <bob@sender.example>',
  subject: 'Measured',
  messageId: '<1@sender.example>',
  attachments: [],
  verdict: {
    disposition: 'accept',
    score: 1,
    threshold: 6,
    symbols: [{ symbol: 'MEASURED', score: 1, why: 'It is.' }],
    skipped: [],
  },
  spamProbability: 0.5,
  features: new Uint8Array(600),
  judgedBy: 'rules 1',
}

/** Runs `count` times what is given and tells how long each took, and how much CPU of this process. */
async function measure(what: string, count: number, work: () => Promise<void>): Promise<void> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await work()
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  const rate = Math.round((count / ms) * 1000)
  console.log(`${what}: ${rate}/s, ${((user + system) / 1000 / count).toFixed(3)} CPU ms each`)
}

async function deliveries(sizeOctets: number, atOnce: number, count: number): Promise<void> {
  const octets = randomMessage(sizeOctets)
  await measure(`deliveries of ${sizeOctets} octets, ${atOnce} at once`, count, async () => {
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (let i = 0; i < count / atOnce; i++) {
          const staged = await store.stage(octets)
          await staged.commit(envelope(), [{ account, folder: 'inbox', prefix, record }])
        }
      }),
    )
  })
}

await deliveries(1000, 50, 2000)
await deliveries(1000, 50, 20_000)
await deliveries(1000, 1, 1000)
await deliveries(10_000, 50, 5000)
await deliveries(100_000, 10, 600)
await deliveries(1_000_000, 10, 100)

const start = performance.now()
const first = await openMaildrop(store, inbox(account))
console.log(`first listing of ${first.listing.count}: ${(performance.now() - start).toFixed(1)} ms`)
await first[Symbol.asyncDispose]()
await measure('open, list, close', 10_000, async () => {
  for (let i = 0; i < 10_000; i++) {
    const maildrop = await openMaildrop(store, inbox(account))
    await maildrop[Symbol.asyncDispose]()
  }
})
const all = await openMaildrop(store, inbox(account))
await measure('messages read whole', all.listing.count, async () => {
  for (let i = 0; i < all.listing.count; i++) await all.readAt(i, 0, 2_000_000)
})
await measure('messages deleted in one commit', all.listing.count, async () => {
  await all.commit([...all.listing.ids.keys()])
})
await store.close()
rmSync(directory, { recursive: true })
