import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Envelope } from '@restante/mail'
import type { MaildropStore } from '@restante/maildrop'
import { openMaildirStore } from '../src/index.ts'

/**
 * Measures the store where you are, in the folder temporary files go to: `node scripts/measure.ts`.
 * One line each: what, how many a second, CPU ms each, the longest the event loop stood still.
 */
const directory = await mkdtemp(join(tmpdir(), 'restante-measure-'))
const store = await openMaildirStore({ directory, floorOctets: 0 })
const accounts: string[] = []
for (let i = 0; i < 20; i++) {
  accounts.push((await store.directory.addAccount(`a${i}@acme.example`))?.id ?? '')
}
const envelope: Envelope = {
  reversePath: null,
  recipients: [],
  clientIp: '192.0.2.1',
  helo: 'sender.example',
  receivedAtMs: Date.now(),
  protocol: 'ESMTP',
  tls: null,
  authenticatedAs: null,
  sessionId: 'm',
}

async function measured(
  what: string,
  count: number,
  atOnce: number,
  work: (i: number) => Promise<void>,
): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  let next = 0
  const [cpu, start] = [process.cpuUsage(), performance.now()]
  delay.enable()
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next < count) await work(next++)
    }),
  )
  delay.disable()
  const tookMs = performance.now() - start
  const used = process.cpuUsage(cpu)
  const cpuMs = (used.user + used.system) / 1000 / count
  console.log(
    `${what}: ${Math.round((count / tookMs) * 1000)}/s, ${cpuMs.toFixed(2)} CPU ms each, still for ${(delay.max / 1e6).toFixed(0)} ms at most`,
  )
}

async function deliver(to: readonly string[], octets: Uint8Array): Promise<void> {
  const staged = await store.stage(octets)
  await staged.commit(
    envelope,
    to.map((account, i) => ({
      account,
      folder: 'inbox',
      prefix: Buffer.from(`Delivered-To: ${i}\r\nX-Padding: ${'x'.repeat(370)}\r\n`),
    })),
  )
}

function message(sizeOctets: number): Uint8Array {
  const text = randomBytes(Math.ceil((sizeOctets * 3) / 4)).toString('base64')
  return Buffer.from(`Subject: m\r\n\r\n${text.replace(/.{76}/g, '$&\r\n')}\r\n`)
}

async function poll(from: MaildropStore, account: string): Promise<void> {
  const opened = await from.open({ account, folder: 'inbox', view: 'classic' })
  if ('maildrop' in opened) await opened.maildrop[Symbol.asyncDispose]()
}

const account = (i: number): string => accounts[i % accounts.length] as string
const [small, medium, large] = [message(1000), message(10_000), message(100_000)]
await measured('1 KB, 1 at a time', 500, 1, (i) => deliver([account(i)], small))
await measured('1 KB, 50 at once', 5000, 50, (i) => deliver([account(i)], small))
await measured('10 KB, 50 at once', 3000, 50, (i) => deliver([account(i)], medium))
await measured('100 KB, 10 at once', 500, 10, (i) => deliver([account(i)], large))
await measured('10 KB to 10 accounts, 10 at once', 300, 10, (i) =>
  deliver(
    Array.from({ length: 10 }, (_, k) => account(i + k)),
    medium,
  ),
)
const full = (await store.directory.addAccount('full@acme.example'))?.id ?? ''
await measured('1 KB into one inbox, 50 at once', 20_000, 50, () => deliver([full], small))
await measured('first look at 20,000 messages', 1, 1, () => poll(store, full))
// A look within the coarsest time stamp of a change is made again.
await new Promise((resolve) => setTimeout(resolve, 2500))
await poll(store, full)
await measured('poll of 20,000 unchanged messages', 5000, 1, () => poll(store, full))
await deliver([full], small)
await measured('poll of 20,000 and one more', 1, 1, () => poll(store, full))
const opened = await store.open({ account: full, folder: 'inbox', view: 'classic' })
if ('maildrop' in opened) {
  const { maildrop } = opened
  await measured('reading 1 KB messages', 5000, 1, async (i) => {
    await maildrop.readAt(i, 0, 65_536)
  })
  await measured('deleting 10,000 messages', 1, 1, async () => {
    await maildrop.commit(Array.from({ length: 10_000 }, (_, i) => i))
  })
  await maildrop[Symbol.asyncDispose]()
}
await store[Symbol.asyncDispose]()
await rm(directory, { recursive: true })
