import { createInterface } from 'node:readline'
import { usage } from './exit.ts'

/** The first line of standard input, to the letter. @throws {CommandError} exit 2 where there is none */
export async function readSecretLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })
  for await (const line of lines) {
    lines.close()
    return line
  }
  throw usage('--password - reads the password from standard input, but nothing came.')
}
