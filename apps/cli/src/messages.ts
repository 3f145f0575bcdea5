import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { CommandError, EXIT } from './exit.ts'

/** One message of a file, folder or mbox. */
export interface MessageFile {
  /** Where it came from, for people. */
  readonly name: string
  readonly octets: Uint8Array
}

const LARGEST_OCTETS = 50_000_000

/**
 * The messages of a path: one message per file, all files of a folder (in order of name, subfolders included), or
 * each message of an mbox.
 * @throws {CommandError} exit 1 where the path cannot be read
 */
export async function* readMessages(path: string): AsyncGenerator<MessageFile> {
  let stat: ReturnType<typeof statSync>
  try {
    stat = statSync(path)
  } catch (error) {
    throw new CommandError(EXIT.finding, (error as Error).message, { cause: error })
  }
  if (stat?.isDirectory()) {
    for (const name of readdirSync(path).sort())
      if (!name.startsWith('.')) yield* readMessages(join(path, name))
    return
  }
  if (await isMbox(path)) yield* readMbox(path)
  else if (Number(stat?.size) > LARGEST_OCTETS)
    throw new CommandError(EXIT.finding, `${path} is larger than any message.`)
  else yield { name: path, octets: readFileSync(path) }
}

async function isMbox(path: string): Promise<boolean> {
  for await (const chunk of createReadStream(path, { end: 4 })) return String(chunk) === 'From '
  return false
}

/** mboxrd: `From ` at the start of a line begins a message, `>From ` within one was quoted. */
async function* readMbox(path: string): AsyncGenerator<MessageFile> {
  let lines: string[] = []
  let count = 0
  const take = (): MessageFile => {
    // The empty line before the next "From " belongs to the mbox, not to the message.
    if (lines.at(-1) === '') lines.pop()
    return { name: `${path}:${++count}`, octets: Buffer.from(`${lines.join('\n')}\n`, 'latin1') }
  }
  const input = createInterface({
    input: createReadStream(path, 'latin1'),
    crlfDelay: Number.POSITIVE_INFINITY,
  })
  for await (const line of input) {
    if (line.startsWith('From ')) {
      if (lines.length > 0) yield take()
      lines = []
    } else lines.push(line.replace(/^>(>*From )/, '$1'))
  }
  if (lines.length > 0) yield take()
}
