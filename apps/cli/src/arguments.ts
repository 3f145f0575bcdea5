import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { nearest } from '@restante/runtime'
import { usage } from './exit.ts'

/** What a command line came to: options by name, and what stood without a name. */
export interface Arguments {
  /** The last value of an option, or undefined. */
  text(name: string): string | undefined
  /** All values of an option that may be given several times. */
  texts(name: string): readonly string[]
  flag(name: string): boolean
  readonly rest: readonly string[]
}

/** Options of a command: `text` takes a value, `texts` takes one each time it is given, `flag` none. */
export type OptionTable = Readonly<Record<string, 'text' | 'texts' | 'flag'>>

/**
 * Reads a command line.
 * @throws {CommandError} exit 2 with the unknown option and the nearest known one
 */
export function readArguments(line: readonly string[], options: OptionTable): Arguments {
  const config: ParseArgsOptionsConfig = {}
  for (const [name, kind] of Object.entries(options)) {
    config[name] = { type: kind === 'flag' ? 'boolean' : 'string', multiple: kind === 'texts' }
  }
  for (const word of line) {
    if (word === '--') break
    const name = /^--([^=]+)/.exec(word)?.[1]
    if (name !== undefined && !(name in options)) {
      const close = nearest(name, Object.keys(options))
      throw usage(`Unknown option --${name}.${close === null ? '' : ` Did you mean --${close}?`}`)
    }
  }
  let parsed: { values: Record<string, unknown>; positionals: string[] }
  try {
    parsed = parseArgs({ args: [...line], options: config, allowPositionals: true, strict: true })
  } catch (error) {
    throw usage((error as Error).message.split('\n')[0]?.replace(/\. To specify.*$/, '.') ?? 'Wrong usage.')
  }
  const { values, positionals } = parsed
  return {
    text: (name) => values[name] as string | undefined,
    texts: (name) => (values[name] as string[] | undefined) ?? [],
    flag: (name) => values[name] === true,
    rest: positionals,
  }
}

/** The value of an option that is one of a few words. */
export function oneOf<const T extends readonly string[]>(
  given: Arguments,
  name: string,
  words: T,
  otherwise: T[number],
): T[number] {
  const value = given.text(name)
  if (value === undefined) return otherwise
  if (!words.includes(value)) throw usage(`--${name} takes ${words.join(' or ')}, not “${value}”.`)
  return value
}

/** A port option: a number, `off` (null), or undefined where it was not given. */
export function portOf(given: Arguments, name: string): number | null | undefined {
  const value = given.text(name)
  if (value === undefined) return undefined
  if (value === 'off') return null
  const port = Number(value)
  if (!/^\d+$/.test(value) || port > 65535)
    throw usage(`--${name} takes a port (0 = a free one) or off, not “${value}”.`)
  return port
}
