import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { ownMessages } from '../src/corpus.ts'
import { inCrlfForm } from '../src/expectation.ts'
import { besiege, type Siege } from '../src/hostility.ts'
import { type Instance, makeFolder, removeFolder, startInstance } from '../src/instance.ts'
import { pollPolitely } from '../src/polite-poll.ts'
import { sendAll } from '../src/sending.ts'

const HOSTILE = 500
const POLLS = 40
/** What a hostile connection may cost in memory: generously, since what is freed is not given back at once. */
const OCTETS_EACH = 1_000_000
const linux = process.platform === 'linux'

let folder: string
let instance: Instance | null = null
let siege: Siege | null = null

afterEach(async () => {
  await siege?.stop()
  await instance?.stop()
  removeFolder(folder)
})

test(`a client polls as ever while ${HOSTILE} hostile connections do their worst${linux ? '' : ' (memory: only on Linux)'}`, async () => {
  folder = makeFolder()
  const messages = ownMessages(join(import.meta.dirname, 'data')).map((message) => inCrlfForm(message.octets))
  // Limits as in earnest: hostile and good clients come from different addresses.
  instance = await startInstance(join(folder, 'data'), [
    '--filter',
    'off',
    '--account',
    'anna@acme.example:correct horse',
  ])
  const { smtp, pop3, pop3s, pid } = instance.ready
  const sent = await sendAll(
    smtp,
    messages.map((text) => ({
      from: 'sender@far.example',
      to: ['anna@acme.example'],
      octets: Buffer.from(text, 'latin1'),
    })),
    1,
  )
  expect(sent.filter((result) => !('reply' in result))).toEqual([])
  const poll = () => pollPolitely(pop3s, '127.0.0.2', 'anna@acme.example', 'correct horse')
  const calm = await poll()
  expect(calm.messages).toHaveLength(messages.length)

  const rssCalm = linux ? rssOf(pid, 'pop3d') : 0
  siege = besiege(pop3, HOSTILE)
  // Until every kind of them has come in.
  await expect.poll(() => siege?.made, { timeout: 60_000 }).toBeGreaterThanOrEqual(HOSTILE)
  const tookMs: number[] = []
  let rssMost = 0
  for (let i = 0; i < POLLS; i++) {
    const { messages: fetched, tookMs: took } = await poll()
    expect(fetched).toEqual(calm.messages)
    tookMs.push(took)
    rssMost = Math.max(rssMost, linux ? rssOf(pid, 'pop3d') : 0)
    await wait(100)
  }
  tookMs.sort((a, b) => a - b)
  const { open, made, ended, octetsOut } = siege
  console.log(
    `calm ${Math.round(calm.tookMs)} ms; besieged: median ${Math.round(tookMs[POLLS / 2] as number)} ms, worst ${Math.round(tookMs.at(-1) as number)} ms; pop3d ${Math.round(rssCalm / 1e6)} MB before, at most ${Math.round(rssMost / 1e6)} MB; ${open} hostile connections open, ${made} made, ${ended} ended by the server, ${Math.round(octetsOut / 1e6)} MB thrown`,
  )
  expect(open).toBeGreaterThan(HOSTILE / 10)
  expect(ended).toBeGreaterThan(0)
  if (linux) {
    expect(rssCalm).toBeGreaterThan(0)
    expect(rssMost).toBeLessThan(rssCalm + HOSTILE * OCTETS_EACH)
  }
  await siege.stop()
  siege = null
  expect((await poll()).messages).toEqual(calm.messages)
  expect(await instance.stop()).toBe(0)
}, 300_000)

/** Resident octets of the descendant of `pid` that runs a role, as /proc tells. */
function rssOf(pid: number, role: string): number {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = readProc(`/proc/${name}/stat`)
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
  }
  const descends = (each: number): boolean =>
    each === pid || (parents.has(each) && descends(parents.get(each) as number))
  return [...parents.keys()]
    .filter((each) => descends(each) && readProc(`/proc/${each}/cmdline`).includes(role))
    .map((each) => Number(/^VmRSS:\s+(\d+) kB/m.exec(readProc(`/proc/${each}/status`))?.[1] ?? 0) * 1024)
    .reduce((sum, octets) => sum + octets, 0)
}

/** Empty for a process that has gone. */
function readProc(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}
