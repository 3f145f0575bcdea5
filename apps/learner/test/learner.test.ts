import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadModel } from '@restante/filter'
import { type Config, defaultConfig, type RunningRole, silentLog } from '@restante/runtime'
import { openLocalStore } from '@restante/store-local'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startLearner } from '../src/learner.ts'

let directory: string
let config: Config
let running: RunningRole | null
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'restante-learner-'))
  config = { ...defaultConfig(), store: { directory, floorOctets: 0 } }
  running = null
})
afterEach(async () => {
  await running?.stop()
  await rm(directory, { recursive: true, force: true })
})
const start = async () => {
  running = await startLearner(config, {
    log: silentLog,
    now: Date.now,
    signal: new AbortController().signal,
  })
  return running
}
const open = () => openLocalStore({ directory, floorOctets: 0 })

test('what is said about a stored message is trained soon, and written down at the end', async () => {
  await using store = await open()
  const anna = await store.directory.addAccount('anna@acme.example')
  if (anna === null) throw new Error('no account')
  const deliver = async (text: string) => {
    const staged = await store.stage(Buffer.from(text))
    const envelope = {
      reversePath: null,
      recipients: [],
      clientIp: '',
      helo: '',
      receivedAtMs: 0,
      protocol: 'local',
      tls: null,
      authenticatedAs: null,
      sessionId: 's',
    } as const
    const [outcome] = await staged.commit(envelope, [
      { account: anna.id, folder: 'inbox', prefix: new Uint8Array(0) },
    ])
    if (outcome === undefined || !('stored' in outcome)) throw new Error('not stored')
    return outcome.stored.id
  }
  const prize = await deliver('Subject: You won\r\n\r\nClaim your casino jackpot now\r\n')
  const minutes = await deliver('Subject: Minutes\r\n\r\nThe minutes of Thursday\r\n')
  const role = await start()
  expect(role.ports).toEqual({})
  const say = (label: 'ham' | 'spam', id: string) =>
    store.learning.feedback.append([
      { owner: 'global', label, source: 'report', by: null, atMs: 1, about: { id } },
    ])
  await say('spam', prize)
  // Lessons come first (workers follow them), the snapshot when it has become quiet.
  await vi.waitFor(async () => expect(await store.learning.lessons.head()).toBe(1), { timeout: 5000 })
  await vi.waitFor(async () => expect((await store.learning.latestModel())?.feedback).toBe(1), {
    timeout: 8000,
  })
  await say('ham', minutes)
  await vi.waitFor(async () => expect(await store.learning.lessons.head()).toBe(2), { timeout: 5000 })
  await role.stop()
  running = null
  expect(await store.learning.latestModel()).toMatchObject({ lessons: 2, feedback: 2 })
  expect((await loadModel(store.learning)).model.counts).toEqual({ ham: 1, spam: 1 })
})

test('one learner a store: the second says so; after the first has stopped there is room', async () => {
  const first = await start()
  await expect(start()).rejects.toMatchObject({ code: 'claimed' })
  await first.stop()
  running = null
  await start()
}, 30_000)

test('a snapshot that cannot be read does not keep it from starting', async () => {
  {
    await using store = await open()
    await store.learning.saveModel({ lessons: 7, feedback: 9, atMs: 1, octets: Uint8Array.of(1, 2) })
  }
  await expect(start()).resolves.toMatchObject({ ports: {} })
})
