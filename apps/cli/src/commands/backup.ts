import type { MaildropStore } from '@restante/maildrop'
import { formatSize } from '@restante/runtime'
import { openLocalStore, readBackup, restoreBackup, unfoldBackup } from '@restante/store-local'
import { type Arguments, readArguments } from '../arguments.ts'
import { CommandError, EXIT, usage } from '../exit.ts'
import { readAddress } from '../people.ts'
import { progressBar } from '../progress.ts'
import { restoreAccount } from '../restore-account.ts'
import { commandConfig, openStore } from '../settings.ts'
import { say, sayJson } from '../terminal.ts'

const USAGE = `Usage: restante backup create DIR [--copy] [--records]
                backup verify DIR
                backup restore DIR [--account ADDRESS]
create and restore --account work on a running store; restore without it makes a new one in an empty --data folder.`

/** `restante backup create|verify|restore`: copies of the whole store that are known to restore. */
export async function run(line: readonly string[]): Promise<number> {
  const given = readArguments(line, {
    account: 'text',
    copy: 'flag',
    records: 'flag',
    data: 'text',
    config: 'text',
    json: 'flag',
  })
  const [action, directory, ...more] = given.rest
  if (directory === undefined || more.length > 0) throw usage(USAGE)
  switch (action) {
    case 'create':
      return await create(given, directory)
    case 'verify':
      return await verify(given, directory)
    case 'restore':
      return given.text('account') === undefined
        ? await restore(given, directory)
        : await restoreOne(given, directory)
    default:
      throw usage(USAGE)
  }
}

async function create(given: Arguments, directory: string): Promise<number> {
  await using store = await openStore(commandConfig(given))
  const progress = progressBar('Segments')
  const report = await store.backup(directory, {
    copy: given.flag('copy'),
    records: given.flag('records'),
    onProgress: ({ segments, ofSegments }) => progress.show(segments, ofSegments),
  })
  progress.clear()
  const octets = report.segments.reduce((sum, segment) => sum + segment.octets, 0)
  if (given.flag('json')) sayJson({ directory, ...report })
  else {
    say(`${report.messages} messages of ${report.accounts} accounts (${formatSize(octets)}) in ${directory}.`)
    if (report.linked > 0)
      say(
        `${report.linked} segments are hard links and share the disk with the store: copy the folder elsewhere, or use --copy.`,
      )
    say(`Check it: restante backup verify ${directory}`)
  }
  return EXIT.ok
}

/** Opens what a backup holds, as a restored store would be, and takes it away again. */
async function drill<T>(
  directory: string,
  work: (store: Awaited<ReturnType<typeof openLocalStore>>) => Promise<T>,
): Promise<T> {
  const unfolded = unfoldBackup(directory)
  try {
    await using store = await openLocalStore({ directory: unfolded.directory, floorOctets: 0 })
    return await work(store)
  } finally {
    unfolded.remove()
  }
}

async function verify(given: Arguments, directory: string): Promise<number> {
  const { createdAtMs } = readBackup(directory)
  const progress = progressBar('Reading')
  const report = await drill(directory, (store) =>
    store.verify({ onProgress: ({ bodies, ofBodies }) => progress.show(bodies, ofBodies) }),
  )
  progress.clear()
  if (given.flag('json')) sayJson({ directory, createdAtMs, ...report })
  else {
    for (const { kind, detail } of report.problems) say(`${kind}: ${detail}`)
    say(
      `Opened, and ${report.bodies} bodies (${formatSize(report.octets)}) read: ${report.problems.length === 0 ? 'it restores.' : `${report.problems.length} problems.`}`,
    )
  }
  return report.problems.length === 0 ? EXIT.ok : EXIT.finding
}

async function restore(given: Arguments, from: string): Promise<number> {
  const { directory } = commandConfig(given).store
  const progress = progressBar('Segments')
  const report = await restoreBackup(from, directory, ({ segments, ofSegments }) =>
    progress.show(segments, ofSegments),
  )
  progress.clear()
  if (given.flag('json')) sayJson({ directory, ...report })
  else
    say(
      `${report.messages} messages of ${report.accounts} accounts are in ${directory}. Check it: restante store verify`,
    )
  return EXIT.ok
}

async function restoreOne(given: Arguments, from: string): Promise<number> {
  const address = readAddress(given.text('account') ?? '')
  await using store = await openStore(commandConfig(given))
  const into: MaildropStore = store
  const report = await drill(from, (backup) => restoreAccount(backup, into, address))
  if (report === null) throw new CommandError(EXIT.finding, `The backup knows no account ${address}.`)
  if (given.flag('json')) sayJson({ address, ...report })
  else
    say(
      report.made
        ? `${address} is back with ${report.restored} messages, its passwords and settings.`
        : `${report.restored} messages of ${address} came back in folder recovered; ${report.present} were still there.`,
    )
  if (report.failed > 0 && !given.flag('json'))
    say(`${report.failed} could not be stored: the quota is full.`)
  return report.failed === 0 ? EXIT.ok : EXIT.finding
}
