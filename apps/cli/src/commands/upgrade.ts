import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { formatSize } from '@restante/runtime'
import { checkSchemas, type SchemaState } from '@restante/store-local'
import { readArguments } from '../arguments.ts'
import { CommandError, EXIT, usage } from '../exit.ts'
import { commandConfig } from '../settings.ts'
import { say, sayJson, table } from '../terminal.ts'

/** `restante upgrade --check`: what this release would do to the store, before it does. */
export async function run(line: readonly string[]): Promise<number> {
  const given = readArguments(line, { check: 'flag', data: 'text', config: 'text', json: 'flag' })
  if (given.rest.length > 0 || !given.flag('check')) throw usage('Usage: restante upgrade --check')
  const { directory } = commandConfig(given).store
  if (!existsSync(join(directory, 'index.db')))
    throw new CommandError(EXIT.unreachable, `No store at ${directory}. Name it with --data DIR.`)
  const states = checkSchemas(directory)
  const isNewer = states.some(({ found, known }) => found !== null && found > known)
  const copyOctets = states.reduce((sum, state) => sum + state.copyOctets, 0)
  if (given.flag('json')) {
    sayJson({ directory, usable: !isNewer, copyOctets, databases: states })
    return isNewer ? EXIT.finding : EXIT.ok
  }
  say(
    table(
      states.map((state) => [`${state.database}.db`, `schema ${state.found ?? '–'}`, doingOf(state)]),
      '',
    ),
  )
  if (isNewer) {
    say(
      '\nA newer release wrote this store. Start that one again, or restore the backup made before the upgrade.',
    )
    return EXIT.finding
  }
  say(
    copyOctets > 0
      ? `\nThe first start keeps copies beside the store (about ${formatSize(copyOctets)}), then migrates. Before that: restante backup create DIR`
      : '\nNothing to do.',
  )
  return EXIT.ok
}

function doingOf({ database, found, known, copyOctets }: SchemaState): string {
  if (found === null) return 'is made at the next start'
  if (found > known) return `is newer than this release, which knows up to ${known}`
  if (found === known) return 'is up to date'
  return `becomes ${known}; a copy stays as ${database}.before-${known}.db (${formatSize(copyOctets)})`
}
