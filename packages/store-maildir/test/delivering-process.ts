import { createHash, randomInt } from 'node:crypto'
import { writeSync } from 'node:fs'
import { openMaildirStore } from '../src/index.ts'
import { accountId, envelope, inbox, randomMessage } from './deliveries.ts'

/**
 * A process that delivers to (and sometimes deletes from) a store until it is killed. Every acknowledged step is one
 * line on standard output, written before the next step begins: `stored ID SHA256`, `deleting ID`, `deleted ID`.
 */
const [directory, address] = process.argv.slice(2) as [string, string]
const say = (line: string): void => {
  writeSync(1, `${line}\n`)
}

const store = await openMaildirStore({ directory, floorOctets: 0 })
const account = await accountId(store, address)
const shared = await accountId(store, 'shared@acme.example')
say('ready')

async function deliverForever(): Promise<never> {
  for (;;) {
    const octets = randomMessage(randomInt(20) === 0 ? 1_300_000 : randomInt(5000))
    const hash = createHash('sha256').update(octets).digest('hex')
    const staged = await store.stage(octets)
    const outcomes = await staged.commit(envelope(), [
      { account, folder: 'inbox', prefix: Buffer.from(`X-Hash: ${hash}\r\n`) },
      { account: shared, folder: 'inbox', prefix: Buffer.from(`X-Hash: ${hash}\r\n`) },
    ])
    for (const outcome of outcomes) {
      if ('failed' in outcome) throw new Error(outcome.failed)
      say(`stored ${outcome.stored.id} ${hash}`)
    }
  }
}

async function deleteForever(): Promise<never> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    const opened = await store.open(inbox(account))
    if ('failed' in opened) throw new Error(opened.failed)
    const { maildrop } = opened
    if (maildrop.listing.count > 30) {
      const ids = maildrop.listing.ids.slice(0, 10)
      for (const id of ids) say(`deleting ${id}`)
      const done = await maildrop.commit([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
      if ('failed' in done) throw new Error(done.failed)
      for (const id of ids) say(`deleted ${id}`)
    }
    await maildrop[Symbol.asyncDispose]()
  }
}

/** Removes for good what was deleted, as a week later. */
async function expireForever(): Promise<never> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    await store.expire(Date.now() + 8 * 86_400_000)
  }
}

await Promise.race([...Array.from({ length: 4 }, deliverForever), deleteForever(), expireForever()])
