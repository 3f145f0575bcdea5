import { Worker } from 'node:worker_threads'

/** One attachment with its decoded octets. */
export interface DeepAttachment {
  readonly name: string
  readonly type: string
  readonly sizeOctets: number
  /** As in `cid:` links, with angle brackets as written. */
  readonly contentId: string
  readonly disposition: string
  readonly content: Uint8Array
}

/** A message taken apart by mailparser: for previews, the API, what the hot path does not need. */
export interface DeepLook {
  readonly subject: string
  readonly from: readonly { readonly name: string; readonly address: string }[]
  /** To and Cc. */
  readonly to: readonly { readonly name: string; readonly address: string }[]
  readonly dateMs: number | null
  readonly messageId: string
  readonly text: string
  /** As it came; never show it unsanitised. */
  readonly html: string | null
  readonly attachments: readonly DeepAttachment[]
}

/** Why there is no look: `too-large` and `shape` before parsing, the others during it. */
export interface DeepFailure {
  readonly failed: 'too-large' | 'shape' | 'timeout' | 'parse' | 'aborted'
  readonly why: string
}

/** How long and how large a deep look may be. */
export interface DeepOptions {
  /** Time for one message, waiting for the ones before it included; the worker is killed at its end. Default 2,000. */
  readonly deadlineMs?: number
  readonly signal?: AbortSignal
  /** Larger messages are refused at once. Default 32 MB. */
  readonly maxOctets?: number
}

interface Waiting {
  readonly resolve: (result: DeepLook | DeepFailure) => void
  readonly octets: Uint8Array
  timer: NodeJS.Timeout | null
}

const MAX_HEADER = 262_144
const MAX_WAITING = 64
let worker: Worker | null = null
let nextId = 1
/** The first one is with the worker. */
let queue: { readonly id: number; readonly waiting: Waiting }[] = []

function startWorker(): Worker {
  const source = new URL(
    import.meta.url.endsWith('.ts') ? './deep-worker.ts' : './deep-worker.js',
    import.meta.url,
  )
  const started = new Worker(source, { resourceLimits: { maxOldGenerationSizeMb: 512 }, stdout: false })
  started.on('message', (answer: { id: number; look?: DeepLook; error?: string }) => {
    if (answer.look !== undefined) settle(answer.id, answer.look)
    else settle(answer.id, { failed: 'parse', why: answer.error ?? 'unknown' })
  })
  started.on('error', (error: unknown) =>
    replaceWorker(started, error instanceof Error ? error.message : String(error)),
  )
  started.on('exit', () => replaceWorker(started, 'the parser stopped'))
  started.unref()
  return started
}

/** After a crash or a kill: the one being parsed fails, the others get a new worker. */
function replaceWorker(old: Worker, why: string): void {
  if (worker !== old) return
  worker = null
  void old.terminate()
  const first = queue[0]
  if (first !== undefined) settle(first.id, { failed: 'parse', why })
}

function ask(): void {
  const first = queue[0]
  if (first === undefined) {
    worker?.unref()
    return
  }
  worker ??= startWorker()
  worker.ref()
  // Not `slice`: a Buffer would share its octets.
  const octets = new Uint8Array(first.waiting.octets)
  worker.postMessage({ id: first.id, octets }, [octets.buffer as ArrayBuffer])
}

function settle(id: number, result: DeepLook | DeepFailure): void {
  const index = queue.findIndex((entry) => entry.id === id)
  const entry = queue[index]
  if (entry === undefined) return
  queue = queue.filter((other) => other !== entry)
  if (entry.waiting.timer !== null) clearTimeout(entry.waiting.timer)
  entry.waiting.resolve(result)
  if (index === 0) ask()
}

/** Gives up on one message; if the worker is at it, the worker dies with it. */
function giveUp(id: number, result: DeepFailure): void {
  if (queue[0]?.id === id && worker !== null) {
    const old = worker
    worker = null
    void old.terminate()
  }
  settle(id, result)
}

/**
 * Shapes that cost mailparser time beyond measure, found in one cheap pass: a huge header section, a huge
 * folded field, a run of blanks in the body.
 */
function refusedShape(octets: Uint8Array): string | null {
  const buffer = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength)
  let headerEnd = buffer.indexOf('\n\r\n')
  const bare = buffer.indexOf('\n\n')
  if (bare >= 0 && (headerEnd < 0 || bare < headerEnd)) headerEnd = bare
  const header = headerEnd < 0 ? buffer.length : headerEnd
  if (header > MAX_HEADER) return 'the header section is larger than 256 KB'
  let line = 0
  let field = 0
  while (line < header) {
    const lf = buffer.indexOf(10, line)
    const end = lf < 0 ? header : lf
    if (buffer[line] !== 32 && buffer[line] !== 9) field = line
    if (end - field > 32_768) return 'a header field is larger than 32 KB'
    line = end + 1
  }
  let run = 0
  for (let i = header; i < buffer.length; i++) {
    const octet = buffer[i]
    if (octet === 32 || octet === 9) {
      if (++run > 4096) return 'a run of blanks is longer than 4 KB'
    } else run = 0
  }
  return null
}

/**
 * Parses one message with mailparser in a worker thread of its own, one message at a time, under a deadline.
 * Never throws: a message that is refused, too slow or unreadable gives a {@link DeepFailure}. The worker is
 * started on first use, reused, replaced after a kill, and does not keep the process alive.
 */
export function lookDeep(octets: Uint8Array, options: DeepOptions = {}): Promise<DeepLook | DeepFailure> {
  const { deadlineMs = 2000, signal, maxOctets = 33_554_432 } = options
  if (signal?.aborted) return Promise.resolve({ failed: 'aborted', why: 'aborted before the start' })
  if (octets.length > maxOctets)
    return Promise.resolve({ failed: 'too-large', why: `more than ${maxOctets} octets` })
  if (queue.length >= MAX_WAITING)
    return Promise.resolve({ failed: 'timeout', why: 'too many messages are waiting' })
  const shape = refusedShape(octets)
  if (shape !== null) return Promise.resolve({ failed: 'shape', why: shape })
  const id = nextId++
  return new Promise((resolve) => {
    const abort = (): void => giveUp(id, { failed: 'aborted', why: 'aborted by the caller' })
    const waiting: Waiting = {
      octets,
      timer: null,
      resolve: (result) => {
        signal?.removeEventListener('abort', abort)
        resolve(result)
      },
    }
    waiting.timer = setTimeout(
      () => giveUp(id, { failed: 'timeout', why: `not parsed within ${deadlineMs} ms` }),
      deadlineMs,
    )
    signal?.addEventListener('abort', abort, { once: true })
    queue.push({ id, waiting })
    if (queue.length === 1) ask()
  })
}

/** Stops the worker; the next {@link lookDeep} starts a new one. */
export async function stopDeepLooks(): Promise<void> {
  const old = worker
  worker = null
  for (const { id } of [...queue]) settle(id, { failed: 'aborted', why: 'stopped' })
  await old?.terminate()
  worker = null
}
