import { nearest } from '@restante/runtime'
import { CommandError, EXIT } from './exit.ts'
import { chooseLanguage } from './language.ts'

/** A command: gets the words after its name, answers an exit code. */
export type Command = (line: readonly string[]) => Promise<number>

// Each command is loaded only when asked for: starting stays quick.
const COMMANDS: Readonly<Record<string, () => Promise<{ readonly run: Command }>>> = {
  serve: () => import('./commands/serve.ts'),
  dev: () => import('./commands/dev.ts'),
  account: () => import('./commands/account.ts'),
  deliver: () => import('./commands/deliver.ts'),
  mail: () => import('./commands/mail.ts'),
  learn: () => import('./commands/learn.ts'),
  explain: () => import('./commands/explain.ts'),
  'send-test': () => import('./commands/send-test.ts'),
  config: () => import('./commands/config.ts'),
  reload: () => import('./commands/reload.ts'),
}

const words = chooseLanguage(process.env)

async function main(line: readonly string[]): Promise<number> {
  const [name, ...rest] = line
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(`${words.help}\n`)
    return name === undefined ? EXIT.usage : EXIT.ok
  }
  const command = COMMANDS[name]
  if (command === undefined) {
    const close = nearest(name, Object.keys(COMMANDS))
    throw new CommandError(EXIT.usage, words.unknownCommand(name, close))
  }
  return (await command()).run(rest)
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (error instanceof CommandError) {
    process.stderr.write(`restante: ${error.message}\n`)
    process.exitCode = error.exitCode
  } else {
    process.stderr.write(
      `restante: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    )
    process.exitCode = 70
  }
}
