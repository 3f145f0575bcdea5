import { createHash } from 'node:crypto'
import fs from 'node:fs'
import promises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

/**
 * A process that kills itself just before the given call (`rename`, `link`, `flush` of the log) of the deed it is told:
 * `deliver` one mail to three accounts, or `delete` three of five messages. Says `ready` before the deed, which changes no file names.
 */
const [directory, call, count, deed] = process.argv.slice(2) as [string, string, string, string]
let left = Number.POSITIVE_INFINITY
const step = (name: string): void => {
  if (name === call && --left === 0) process.kill(process.pid, 'SIGKILL')
}
const { renameSync, fdatasync } = fs
const { link } = promises
fs.renameSync = (from, to) => {
  // The list of ids is written beside, whatever becomes of it.
  if (!String(from).includes('restante-uidl')) step('rename')
  renameSync(from, to)
}
Object.assign(fs, {
  fdatasync: (...given: Parameters<typeof fdatasync>) => {
    step('flush')
    fdatasync(...given)
  },
})
promises.link = async (from, to) => {
  step('link')
  await link(from, to)
}
syncBuiltinESMExports()

const { openMaildirStore } = await import('../src/index.ts')
const { accountId, envelope, inbox, openMaildrop, randomMessage } = await import('./deliveries.ts')

const store = await openMaildirStore({ directory, floorOctets: 0 })
const accounts: string[] = []
for (const name of ['a', 'b', 'c']) accounts.push(await accountId(store, `${name}@acme.example`))
const octets = randomMessage(5000)
const prefix = Buffer.from(`X-Hash: ${createHash('sha256').update(octets).digest('hex')}\r\n`)
const deliver = async (to: readonly string[]): Promise<void> => {
  const staged = await store.stage(octets)
  await staged.commit(
    envelope(),
    to.map((account) => ({ account, folder: 'inbox', prefix })),
  )
}

if (deed === 'deliver') {
  left = Number(count)
  await deliver(accounts)
} else {
  for (let i = 0; i < 5; i++) await deliver(accounts.slice(0, 1))
  const maildrop = await openMaildrop(store, inbox(accounts[0] as string))
  left = Number(count)
  await maildrop.commit([0, 2, 4])
}
