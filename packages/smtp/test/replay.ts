import type { AuthHook, SmtpServerOptions } from '../src/index.ts'
import { type Bench, type Client, startBench } from './harness.ts'

/** How the peer's octets are cut. */
export type Cut = 'line by line' | 'octet by octet' | 'all at once'

interface Dialogue {
  readonly options: Partial<SmtpServerOptions>
  readonly steps: readonly (readonly [kind: 'C' | 'S' | 'S~' | 'S...' | 'S!', text: string])[]
  /** Mail data the host must have got, in order; not looked at where empty. */
  readonly taken: readonly string[]
}

export const AUTH: AuthHook = ({ name, password }) =>
  name === 'anna' && password === 'secret' ? { account: 'anna@acme.example' } : null

/**
 * Reads a dialogue: `C: ` a line of the peer, `C\ ` its octets as a JSON string of Latin-1 characters, `S: ` a
 * line of ours, `S~ ` a pattern for one, `S...` a whole reply of any kind, `S! closed` our hanging up, `D: ` mail
 * data as a JSON string, `@ ` options of the listener, `#` the sentence it proves.
 */
export function readDialogue(text: string): Dialogue {
  let options: Partial<SmtpServerOptions> = {}
  const steps: (readonly ['C' | 'S' | 'S~' | 'S...' | 'S!', string])[] = []
  const taken: string[] = []
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const rest = line.slice(3)
    if (line.startsWith('@ ')) options = readOptions(line.slice(2))
    else if (line.startsWith('C: ')) steps.push(['C', `${rest}\r\n`])
    else if (line.startsWith('C\\ ')) steps.push(['C', JSON.parse(rest) as string])
    else if (line.startsWith('S: ')) steps.push(['S', rest])
    else if (line.startsWith('S~ ')) steps.push(['S~', rest])
    else if (line === 'S...') steps.push(['S...', ''])
    else if (line === 'S! closed') steps.push(['S!', ''])
    else if (line.startsWith('D: ')) taken.push(JSON.parse(rest) as string)
    else throw new Error(`not a line of a dialogue: ${line}`)
  }
  return { options, steps, taken }
}

function readOptions(json: string): Partial<SmtpServerOptions> {
  const { auth, ...options } = JSON.parse(json) as Record<string, unknown>
  return auth === true ? { ...options, auth: AUTH } : options
}

/** Plays the peer's part; returns the dialogue as it went, in the words of the file where both agree. */
export async function replay(text: string, cut: Cut): Promise<{ said: string[]; expected: string[] }> {
  const dialogue = readDialogue(text)
  await using bench = await startBench(dialogue.options)
  const client = await bench.client()
  if (cut === 'all at once') {
    client.write(dialogue.steps.map(([kind, octets]) => (kind === 'C' ? octets : '')).join(''))
  }
  const said: string[] = []
  const expected: string[] = []
  for (const [kind, words] of dialogue.steps) {
    if (kind === 'C') {
      if (cut === 'line by line') client.write(words)
      if (cut === 'octet by octet') for (const octet of words) await client.writeAlone(octet)
      continue
    }
    expected.push(kind === 'S!' ? '<closed>' : words)
    said.push(await hear(client, kind, words))
  }
  if (dialogue.taken.length > 0) {
    expected.push(...dialogue.taken)
    said.push(...bodies(bench))
  }
  return { said, expected }
}

async function hear(client: Client, kind: string, words: string): Promise<string> {
  if (kind === 'S...') {
    await client.reply()
    return words
  }
  const line = await client.line()
  return kind === 'S~' && new RegExp(`^(?:${words})$`).test(line) ? words : line
}

function bodies(bench: Bench): string[] {
  return bench.taken.map((message) => message.body)
}
