import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import type { Peer } from './benches.ts'
import { cellsNamed } from './cells.ts'

/** The kinds of cells. */
export const KINDS = ['store', 'pop3', 'smtp'] as const
export type Kind = (typeof KINDS)[number]

/** What a run was told. */
export interface Options {
  readonly kinds: readonly Kind[]
  readonly only: readonly string[]
  readonly passes: number
  readonly peers: ReadonlySet<Peer>
  readonly scale: number
  readonly directory: string
  readonly json: boolean
  readonly keep: boolean
}

/** A command line that makes no sense. */
export class OptionError extends Error {
  readonly code = 'option'
}

/** How to call it. */
export const USAGE = `node tools/bench/src/main.ts [store|pop3|smtp|all] [options]
  --only CELL       this cell alone, or where none is called so, all CELL-… (may be given again)
  --passes N        how often each is measured, in turns (5)
  --peers NAMES     dovecot,postfix or none (both)
  --scale FACTOR    shorter or longer loads, 0.01 to 10 (1)
  --directory DIR   on the disk to be measured (the system's folder for temporary files)
  --json            one JSON document instead of Markdown
  --keep            leaves data and logs of the servers where they are
`

/** Reads the command line; `cellsOf` names the cells of a kind. @throws {OptionError} */
export function readOptions(line: readonly string[], cellsOf: (kind: Kind) => readonly string[]): Options {
  let read: ReturnType<typeof parse>
  try {
    read = parse(line)
  } catch (error) {
    throw new OptionError((error as Error).message)
  }
  const { values, positionals } = read
  const named = positionals[0] ?? 'all'
  if (positionals.length > 1 || (named !== 'all' && !isKind(named)))
    throw new OptionError(`there is no bench “${positionals.join(' ')}”: store, pop3, smtp or all`)
  const only = values.only ?? []
  const kinds: readonly Kind[] = named === 'all' ? KINDS : [named as Kind]
  const kindsOf = (cell: string): readonly Kind[] =>
    kinds.filter((kind) => cellsNamed(cell, cellsOf(kind)).length > 0)
  for (const name of only)
    if (kindsOf(name).length === 0)
      throw new OptionError(`there is no cell “${name}”; there are: ${kinds.flatMap(cellsOf).join(', ')}`)
  return {
    kinds:
      only.length === 0 ? kinds : kinds.filter((kind) => only.some((name) => kindsOf(name).includes(kind))),
    only,
    passes: numberIn(values.passes, 'passes', 1, 100, true),
    peers: readPeers(values.peers),
    scale: numberIn(values.scale, 'scale', 0.01, 10, false),
    directory: values.directory,
    json: values.json,
    keep: values.keep,
  }
}

function parse(line: readonly string[]) {
  return parseArgs({
    args: [...line],
    allowPositionals: true,
    options: {
      only: { type: 'string', multiple: true },
      passes: { type: 'string', default: '5' },
      peers: { type: 'string', default: 'dovecot,postfix' },
      scale: { type: 'string', default: '1' },
      directory: { type: 'string', default: tmpdir() },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
    },
  })
}

function isKind(text: string): text is Kind {
  return (KINDS as readonly string[]).includes(text)
}

function readPeers(text: string): ReadonlySet<Peer> {
  const peers = new Set<Peer>()
  if (text === 'none') return peers
  for (const name of text.split(',')) {
    if (name !== 'dovecot' && name !== 'postfix')
      throw new OptionError(`--peers takes dovecot, postfix, both with a comma, or none; not “${text}”`)
    peers.add(name)
  }
  return peers
}

function numberIn(text: string, name: string, least: number, most: number, whole: boolean): number {
  const number = Number(text)
  if (!(number >= least && number <= most) || (whole && !Number.isInteger(number)))
    throw new OptionError(`--${name} takes a number from ${least} to ${most}, not “${text}”`)
  return number
}
