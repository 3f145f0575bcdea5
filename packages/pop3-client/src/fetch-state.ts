import { type FileHandle, open, readFile, rename } from 'node:fs/promises'
import type { UniqueId } from '@restante/mail'

/** What is remembered of one message on a server. */
export interface FetchEntry {
  /**
   * `begun`: handed out, and no word yet that it was taken. `fetched`: taken, once and for all. `refused`: the server
   * sent more than it had announced; not asked for again.
   */
  readonly stage: 'begun' | 'fetched' | 'refused'
  /** When that was. */
  readonly atMs: number
  /** It came shorter than announced, so it is not deleted. */
  readonly short?: true
  /** Since when the server has not listed it. */
  readonly missingSinceMs?: number
}

/** The memory of {@link fetchNew} for one maildrop. Entries are by unique-id. */
export interface FetchState {
  load(): Promise<ReadonlyMap<UniqueId, FetchEntry>>
  /** Remembers; with `durable` it must survive a power cut once it resolves, else the end of the process. */
  put(entries: readonly (readonly [UniqueId, FetchEntry])[], durable: boolean): Promise<void>
  forget(ids: readonly UniqueId[]): Promise<void>
}

/** A state file that cannot be read; nothing is fetched then, for fear of fetching everything twice. */
export class FetchStateError extends Error {
  override readonly name = 'FetchStateError'
  readonly code = 'state-corrupt'
}

/** A state that ends with the process. */
export function memoryFetchState(): FetchState {
  const entries = new Map<UniqueId, FetchEntry>()
  return {
    load: async () => new Map(entries),
    async put(more) {
      for (const [id, entry] of more) entries.set(id, entry)
    },
    async forget(ids) {
      for (const id of ids) entries.delete(id)
    },
  }
}

/** A state in a file, open until disposed. */
export interface FileFetchState extends FetchState, AsyncDisposable {}

/** Lines that may be out of date before the file is written anew. */
const STALE_LINES = 1_000

type Line = readonly [id: UniqueId, entry: FetchEntry | null]

/**
 * A state in a file of JSON lines, one file for each maildrop and one process at a time. Changes are appended; a last
 * line cut off by a crash is left out, and the file is written anew (and swapped in) when most of it is out of date.
 *
 * @throws {FetchStateError} from `load`, where a line makes no sense
 */
export function jsonFileState(path: string): FileFetchState {
  let file: FileHandle | null = null
  const entries = new Map<UniqueId, FetchEntry>()
  let lines = 0
  let writing: Promise<void> = Promise.resolve()

  async function load(): Promise<ReadonlyMap<UniqueId, FetchEntry>> {
    await file?.close()
    file = null
    entries.clear()
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return ''
      throw error
    })
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    const read = whole.split('\n').slice(0, -1)
    for (const [i, line] of read.entries()) {
      const [id, entry] = readLine(line, `${path}:${i + 1}`)
      if (entry === null) entries.delete(id)
      else entries.set(id, entry)
    }
    lines = read.length
    if (lines > 2 * entries.size + STALE_LINES || whole.length < text.length) await rewrite()
    file = await open(path, 'a', 0o600)
    return new Map(entries)
  }

  async function rewrite(): Promise<void> {
    const temporary = `${path}.new`
    const fresh = await open(temporary, 'w', 0o600)
    try {
      await fresh.writeFile([...entries].map(writeLine).join(''))
      await fresh.sync()
    } finally {
      await fresh.close()
    }
    await rename(temporary, path)
    lines = entries.size
  }

  async function append(more: readonly Line[], durable: boolean): Promise<void> {
    if (more.length === 0) return
    if (file === null) await load()
    const out = file as unknown as FileHandle
    await out.appendFile(more.map(writeLine).join(''))
    if (durable) await out.datasync()
    lines += more.length
    for (const [id, entry] of more) {
      if (entry === null) entries.delete(id)
      else entries.set(id, entry)
    }
  }

  /** One writer at a time; a failure is its caller's, not the next one's. */
  const inTurn = (write: () => Promise<void>): Promise<void> => {
    const turn = writing.then(write)
    writing = turn.catch(() => {})
    return turn
  }

  return {
    async load() {
      await writing
      return load()
    },
    put: (more, durable) => inTurn(() => append(more, durable)),
    forget: (ids) =>
      inTurn(() =>
        append(
          ids.map((id) => [id, null]),
          false,
        ),
      ),
    async [Symbol.asyncDispose]() {
      await writing
      await file?.close()
      file = null
    },
  }
}

function writeLine([id, entry]: Line): string {
  return `${JSON.stringify({ id, ...(entry ?? { stage: 'forgotten' }) })}\n`
}

function readLine(text: string, place: string): Line {
  let line: unknown
  try {
    line = JSON.parse(text)
  } catch (cause) {
    throw new FetchStateError(`${place} is no JSON line`, { cause })
  }
  if (typeof line === 'object' && line !== null && 'id' in line && 'stage' in line) {
    const { id, stage } = line
    if (typeof id === 'string' && stage === 'forgotten') return [id, null]
    const atMs = 'atMs' in line ? line.atMs : null
    const known = stage === 'begun' || stage === 'fetched' || stage === 'refused'
    if (typeof id === 'string' && known && typeof atMs === 'number') {
      const missing = 'missingSinceMs' in line ? line.missingSinceMs : null
      return [
        id,
        {
          stage,
          atMs,
          ...('short' in line && line.short === true ? { short: true } : {}),
          ...(typeof missing === 'number' ? { missingSinceMs: missing } : {}),
        },
      ]
    }
  }
  throw new FetchStateError(`${place} is no entry of a fetch state`)
}
