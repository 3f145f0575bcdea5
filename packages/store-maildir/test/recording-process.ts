import fs from 'node:fs'
import promises, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { basename, dirname, join } from 'node:path'

/**
 * A process that delivers one mail to two accounts and writes, as lines, every step that decides about durability, in its
 * order: `flush PATH` when it has returned, `log` for SQLite's, `rename FOLDER FOLDER`, `told OUTCOMES`. With `fail CALL`, that
 * call (`flush`, `log`, `write`) fails during the delivery.
 */
const [directory, failing] = process.argv.slice(2) as [string, string | undefined]
let isRecording = false
const lines: string[] = []
const step = (call: string, line: string): void => {
  if (!isRecording) return
  if (call === failing) throw Object.assign(new Error(`EIO: ${call}`), { code: 'EIO' })
  lines.push(line)
}
const short = (path: string): string =>
  join(basename(dirname(path)), basename(path)).replace(/[0-9A-Z]{26}\S*/, 'FILE')

const paths = new WeakMap<object, string>()
const { open } = promises
promises.open = async (path, ...rest): Promise<FileHandle> => {
  const file = await open(path, ...rest)
  paths.set(file, String(path))
  return file
}
const probe = await open(directory, 'r')
const prototype = Object.getPrototypeOf(probe) as FileHandle
await probe.close()
const { sync, write } = prototype
prototype.sync = async function (this: FileHandle) {
  await sync.call(this)
  step('flush', `flush ${short(paths.get(this) ?? '')}`)
}
Object.assign(prototype, {
  async write(this: FileHandle, ...given: unknown[]) {
    step('write', `write ${short(paths.get(this) ?? '')}`)
    return Reflect.apply(write, this, given)
  },
})
const { fdatasync, renameSync } = fs
Object.assign(fs, {
  fdatasync(fd: number, done: (error: Error | null) => void) {
    fdatasync(fd, (error) => {
      try {
        step('log', 'log')
        done(error)
      } catch (failure) {
        done(failure as Error)
      }
    })
  },
  renameSync(from: string, to: string) {
    step('rename', `rename ${basename(dirname(from))} ${basename(dirname(to))}`)
    renameSync(from, to)
  },
})
syncBuiltinESMExports()

const { openMaildirStore } = await import('../src/index.ts')
const { accountId, envelope } = await import('./deliveries.ts')
await using store = await openMaildirStore({ directory, floorOctets: 0 })
const accounts = [await accountId(store, 'a@acme.example'), await accountId(store, 'b@acme.example')]
const staged = await store.stage(Buffer.from('Subject: x\r\n\r\nhi\r\n'))
isRecording = true
try {
  const outcomes = await staged.commit(
    envelope(),
    accounts.map((account, i) => ({ account, folder: 'inbox', prefix: Buffer.from(`X-Copy: ${i}\r\n`) })),
  )
  lines.push(`told ${outcomes.filter((outcome) => 'stored' in outcome).length}`)
} catch (error) {
  lines.push(`told ${(error as { code?: string }).code}`)
}
isRecording = false
const usages = await Promise.all(accounts.map((account) => store.directory.usage(account)))
lines.push(`kept ${usages.map(({ messages }) => messages).join(' ')}`)
const left = accounts.flatMap((_, i) =>
  fs.readdirSync(join(directory, 'mail', `${'ab'[i]}@acme.example`, 'Maildir/tmp')),
)
lines.push(`left ${left.length}`)
process.stdout.write(`${lines.join('\n')}\n`)
