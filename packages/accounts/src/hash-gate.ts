/** Too many slow hashes are wanted at once; nothing was decided. Answer [SYS/TEMP] or 454. */
export class BusyError extends Error {
  override readonly name = 'BusyError'
  readonly code = 'busy'
  constructor() {
    super('too many password checks are waiting')
  }
}

/**
 * Lets a few slow hashes run at a time and a bounded number wait in line. Hashes run on libuv's thread pool, which
 * file I/O shares: eight at once push a disk flush from 0.7 to 229 ms.
 */
export interface HashGate {
  /**
   * Runs `task` when its turn comes.
   * @param share who waits; one share fills at most half of the line. Empty = counted for nobody
   * @throws {BusyError} at once when the line is full; the signal's reason when it aborts before the turn came
   */
  run<T>(task: () => Promise<T>, options?: HashTurn): Promise<T>
  readonly running: number
  readonly waiting: number
}

/** On whose behalf a slow hash is wanted. */
export interface HashTurn {
  readonly share?: string
  readonly signal?: AbortSignal
}

interface Waiting {
  readonly start: () => void
  readonly share: string
}

/** Makes a gate. */
export function createHashGate(limits: { readonly running: number; readonly waiting: number }): HashGate {
  const line = new Set<Waiting>()
  const shares = new Map<string, number>()
  let running = 0

  function leave(one: Waiting): void {
    line.delete(one)
    if (one.share === '') return
    const left = (shares.get(one.share) ?? 1) - 1
    if (left > 0) shares.set(one.share, left)
    else shares.delete(one.share)
  }

  async function runNow<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task()
    } finally {
      const next = line.values().next().value
      if (next === undefined) running--
      else {
        // The place passes on without ever being free, so nobody slips in between.
        leave(next)
        next.start()
      }
    }
  }

  return {
    get running() {
      return running
    },
    get waiting() {
      return line.size
    },
    async run(task, { share = '', signal } = {}) {
      signal?.throwIfAborted()
      if (running < limits.running) {
        running++
        return runNow(task)
      }
      const inShare = shares.get(share) ?? 0
      if (line.size >= limits.waiting || (share !== '' && inShare >= Math.ceil(limits.waiting / 2)))
        throw new BusyError()
      await new Promise<void>((resolve, reject) => {
        const one: Waiting = { start, share }
        function start(): void {
          signal?.removeEventListener('abort', abort)
          resolve()
        }
        function abort(): void {
          leave(one)
          reject(signal?.reason)
        }
        line.add(one)
        if (share !== '') shares.set(share, inShare + 1)
        signal?.addEventListener('abort', abort, { once: true })
      })
      return runNow(task)
    },
  }
}

/**
 * The gate every slow hash of this process goes through unless told otherwise: 2 at a time, 256 waiting, which is a
 * wait of about 3 s: less than any client's patience when all of them come back after a restart.
 */
export const processHashGate: HashGate = createHashGate({ running: 2, waiting: 256 })
