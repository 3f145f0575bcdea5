import { formatSize } from '@restante/runtime'
import { rebuildIndex } from '@restante/store-local'
import { type Arguments, readArguments } from '../arguments.ts'
import { CommandError, EXIT, usage } from '../exit.ts'
import { progressBar } from '../progress.ts'
import { commandConfig, openStore } from '../settings.ts'
import { say, sayJson, table } from '../terminal.ts'

const USAGE = `Usage: restante store verify
                store compact [--dead-share 0…1]
                store stats
                store rebuild-index [--backup index.db] --yes`

/** `restante store verify|compact|stats|rebuild-index`: looking after the store, running or (rebuild) stopped. */
export async function run(line: readonly string[]): Promise<number> {
  const given = readArguments(line, {
    'dead-share': 'text',
    backup: 'text',
    yes: 'flag',
    data: 'text',
    config: 'text',
    json: 'flag',
  })
  const [action, ...more] = given.rest
  if (more.length > 0) throw usage(USAGE)
  switch (action) {
    case 'verify':
      return await verify(given)
    case 'compact':
      return await compact(given)
    case 'stats':
      return await stats(given)
    case 'rebuild-index':
      return await rebuild(given)
    default:
      throw usage(USAGE)
  }
}

async function verify(given: Arguments): Promise<number> {
  await using store = await openStore(commandConfig(given))
  const progress = progressBar('Reading')
  const report = await store.verify({ onProgress: ({ bodies, ofBodies }) => progress.show(bodies, ofBodies) })
  progress.clear()
  if (given.flag('json')) sayJson(report)
  else {
    for (const { kind, detail } of report.problems) say(`${kind}: ${detail}`)
    say(
      `${report.bodies} bodies (${formatSize(report.octets)}) read: ${report.problems.length === 0 ? 'all is well.' : `${report.problems.length} problems.`}`,
    )
  }
  return report.problems.length === 0 ? EXIT.ok : EXIT.finding
}

async function compact(given: Arguments): Promise<number> {
  const text = given.text('dead-share')
  const deadShare = text === undefined ? undefined : Number(text)
  if (deadShare !== undefined && !(deadShare >= 0 && deadShare <= 1))
    throw usage(`--dead-share takes a number from 0 to 1, not “${text}”.`)
  await using store = await openStore(commandConfig(given))
  const report = await store.compact(deadShare === undefined ? {} : { deadShare })
  if (given.flag('json')) sayJson(report)
  else {
    say(
      `${formatSize(report.freedOctets)} given back: ${report.segments} segments gone, ${report.bodies} bodies rewritten.`,
    )
    if (report.corrupt > 0) say(`${report.corrupt} damaged bodies stay where they are: restante store verify`)
  }
  return report.corrupt === 0 ? EXIT.ok : EXIT.finding
}

async function stats(given: Arguments): Promise<number> {
  await using store = await openStore(commandConfig(given))
  const report = await store.stats()
  if (given.flag('json')) {
    sayJson(report)
    return EXIT.ok
  }
  say(
    table(
      [
        ['Accounts', String(report.accounts)],
        ['Messages', `${report.messages}, ${report.held} of them held`],
        ['Removed', `${report.removedMessages} that can still come back`],
        ['Bodies', `${report.bodies} (${formatSize(report.bodyOctets)})`],
        ['Segments', `${report.segments} (${formatSize(report.segmentOctets)})`],
        ['Records', String(report.records)],
        ['Free', formatSize(report.freeOctets)],
      ],
      '',
    ),
  )
  return EXIT.ok
}

async function rebuild(given: Arguments): Promise<number> {
  const { directory } = commandConfig(given).store
  const backup = given.text('backup')
  if (!given.flag('yes')) {
    throw new CommandError(
      EXIT.refused,
      `This makes the index of ${directory} again from ${backup ?? 'the present one'} and the segments; mail it does not know comes back in folder recovered. Stop everything that uses the store, then say it again with --yes.`,
    )
  }
  const progress = progressBar('Segments')
  const report = await rebuildIndex({
    directory,
    ...(backup === undefined ? {} : { backup }),
    onProgress: ({ segments, ofSegments }) => progress.show(segments, ofSegments),
  })
  progress.clear()
  if (given.flag('json')) sayJson(report)
  else
    say(
      `${report.records} records in ${report.segments} segments: ${report.recovered} copies came back in folder recovered, ${report.relocated} were found elsewhere, ${report.accounts} accounts were made again, ${report.lost} bodies are lost.`,
    )
  return report.lost === 0 ? EXIT.ok : EXIT.finding
}
