import { readFileSync } from 'node:fs'
import { nearest } from '@restante/runtime'
import { CommandError, EXIT } from './exit.ts'
import { chooseLanguage } from './language.ts'
import { complain } from './terminal.ts'

/** A command: gets the words after its name, answers an exit code. */
export type Command = (line: readonly string[]) => Promise<number>

// Each command is loaded only when asked for: starting stays quick.
const COMMANDS: Readonly<Record<string, () => Promise<{ readonly run: Command }>>> = {
  serve: () => import('./commands/serve.ts'),
  dev: () => import('./commands/dev.ts'),
  account: () => import('./commands/account.ts'),
  deliver: () => import('./commands/deliver.ts'),
  mail: () => import('./commands/mail.ts'),
  quarantine: () => import('./commands/quarantine.ts'),
  domain: () => import('./commands/domain.ts'),
  alias: () => import('./commands/alias.ts'),
  learn: () => import('./commands/learn.ts'),
  store: () => import('./commands/store.ts'),
  backup: () => import('./commands/backup.ts'),
  upgrade: () => import('./commands/upgrade.ts'),
  explain: () => import('./commands/explain.ts'),
  'send-test': () => import('./commands/send-test.ts'),
  config: () => import('./commands/config.ts'),
  reload: () => import('./commands/reload.ts'),
  throttle: () => import('./commands/throttle.ts'),
}

const words = chooseLanguage(process.env)

async function main(line: readonly string[]): Promise<number> {
  const [name, ...rest] = line
  if (name === undefined || name === 'help' || asksForHelp(line)) {
    process.stdout.write(`${words.help}\n`)
    return name === undefined ? EXIT.usage : EXIT.ok
  }
  if (name === '--version') {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
    process.stdout.write(`${version}\n`)
    return EXIT.ok
  }
  const command = COMMANDS[name]
  if (command === undefined) {
    const close = nearest(name, [...Object.keys(COMMANDS), 'help'])
    throw new CommandError(EXIT.usage, words.unknownCommand(name, close))
  }
  return (await command()).run(rest)
}

function asksForHelp(line: readonly string[]): boolean {
  const end = line.indexOf('--')
  return line.some((word, i) => (word === '--help' || word === '-h') && (end < 0 || i < end))
}

/** An outage of the store or the system, which a person can do something about; anything else is a bug of ours. */
function isOutage(error: unknown): error is Error {
  const { name, code, syscall } = error as { name?: unknown; code?: unknown; syscall?: unknown }
  return name === 'StoreError' || (typeof code === 'string' && typeof syscall === 'string')
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (error instanceof CommandError) {
    complain(error.message)
    process.exitCode = error.exitCode
  } else if (isOutage(error)) {
    const { code, path } = error as NodeJS.ErrnoException
    complain(code === 'ENOENT' && path ? `There is no ${path}.` : error.message)
    process.exitCode = EXIT.finding
  } else {
    process.stderr.write(
      `restante: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    )
    process.exitCode = 70
  }
}
