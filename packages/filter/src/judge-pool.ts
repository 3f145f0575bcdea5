import { Worker } from 'node:worker_threads'
import type { Judged } from './judging.ts'
import type { TaughtLesson } from './lessons.ts'

/** Why there is no judgement: the message goes on unjudged, and marked. */
export interface JudgeFailure {
  readonly failed: 'timeout' | 'crash' | 'busy'
  readonly detail: string
}

/** Judges messages off the event loop, with a deadline each. */
export interface JudgePool {
  /**
   * Judges the octets of one message (cleaned, in stored form). Never rejects: what goes wrong is a value.
   * @param octets must not change until the promise settles
   */
  judge(octets: Uint8Array): Promise<Judged | JudgeFailure>
  /** Replaces the model; lessons told before are part of it. */
  setModel(encoded: Uint8Array | null): void
  /** Teaches every worker; a worker started later learns them too. */
  teach(lessons: readonly TaughtLesson[]): void
  close(): Promise<void>
}

/** How {@link createJudgePool} judges. */
export interface JudgePoolOptions {
  /** Workers; each holds the model. Default 1. */
  readonly workers?: number
  /** From the call to the verdict, waiting included. */
  readonly deadlineMs: number
  /** Messages waiting for a worker; more are `busy`. Default 256. */
  readonly waitingMax?: number
  /** Told when a worker died, was killed at the deadline, or could not read a model or lesson. */
  readonly onCrash?: (detail: string) => void
  /** The program of the workers, speaking {@link ToJudge} and {@link FromJudge}; our own where it is not given. */
  readonly program?: URL
}

/** To a worker. */
export type ToJudge =
  | { readonly type: 'model'; readonly encoded: Uint8Array | null; readonly lessons: readonly TaughtLesson[] }
  | { readonly type: 'teach'; readonly lessons: readonly TaughtLesson[] }
  | { readonly type: 'judge'; readonly id: number; readonly octets: Uint8Array }

/** From a worker. */
export type FromJudge =
  | { readonly id: number; readonly judged: Judged }
  | { readonly id: number; readonly crashed: string }
  | { readonly unreadable: string }

interface Task {
  readonly id: number
  readonly octets: Uint8Array
  readonly resolve: (result: Judged | JudgeFailure) => void
  readonly deadline: NodeJS.Timeout
}

interface Seat {
  /** Null while a worker that keeps dying is not started again. */
  worker: Worker | null
  task: Task | null
  /** Deaths since the last judgement. */
  deaths: number
}

const RESTART_MAX_MS = 30_000

/** Starts the pool. Its workers do not keep the process alive while they have nothing to do. */
export function createJudgePool(options: JudgePoolOptions): JudgePool {
  const program =
    options.program ??
    new URL(import.meta.url.endsWith('.ts') ? './judge-worker.ts' : './judge-worker.js', import.meta.url)
  const seats: Seat[] = []
  const waiting: Task[] = []
  const waitingMax = options.waitingMax ?? 256
  let encoded: Uint8Array | null = null
  let lessons: TaughtLesson[] = []
  let nextId = 1
  let closed = false

  const start = (seat: Seat): void => {
    const worker = new Worker(program, { resourceLimits: { maxOldGenerationSizeMb: 512 } })
    worker.unref()
    seat.worker = worker
    worker.postMessage({ type: 'model', encoded, lessons } satisfies ToJudge)
    worker.on('message', (message: FromJudge) => {
      if ('unreadable' in message) {
        options.onCrash?.(message.unreadable)
        return
      }
      if (seat.worker !== worker || seat.task?.id !== message.id) return
      seat.deaths = 0
      finish(seat, 'judged' in message ? message.judged : { failed: 'crash', detail: message.crashed })
    })
    const died = (detail: string): void => {
      if (seat.worker !== worker || closed) return
      seat.worker = null
      options.onCrash?.(detail)
      // The first time at once; one that dies again and again must not keep the processor busy.
      if (seat.deaths === 0) start(seat)
      else setTimeout(revive, Math.min(RESTART_MAX_MS, 250 * 2 ** (seat.deaths - 1)), seat).unref()
      seat.deaths++
      finish(seat, { failed: 'crash', detail })
    }
    worker.on('error', (error) => died(error instanceof Error ? error.message : String(error)))
    worker.on('exit', (code) => died(`worker ended with ${code}`))
  }

  const revive = (seat: Seat): void => {
    if (closed) return
    start(seat)
    give(seat)
  }

  const finish = (seat: Seat, result: Judged | JudgeFailure): void => {
    const { task } = seat
    seat.task = null
    if (task) {
      clearTimeout(task.deadline)
      task.resolve(result)
    }
    give(seat)
  }

  const give = (seat: Seat): void => {
    if (seat.worker === null) return
    const task = waiting.shift()
    if (task === undefined) return
    seat.task = task
    // One copy, of these octets only: a view may be a small part of a large buffer.
    const octets = new Uint8Array(task.octets)
    seat.worker.postMessage({ type: 'judge', id: task.id, octets } satisfies ToJudge, [octets.buffer])
  }

  const expire = (id: number): void => {
    if (closed) return
    const detail = `no verdict within ${options.deadlineMs} ms`
    const index = waiting.findIndex((task) => task.id === id)
    if (index >= 0) {
      waiting.splice(index, 1)[0]?.resolve({ failed: 'timeout', detail })
      return
    }
    const seat = seats.find((candidate) => candidate.task?.id === id)
    if (!seat) return
    // The only way to stop a computation that does not end.
    const stuck = seat.worker
    start(seat)
    void stuck?.terminate()
    options.onCrash?.(detail)
    finish(seat, { failed: 'timeout', detail })
  }

  for (let i = 0; i < (options.workers ?? 1); i++) {
    const seat: Seat = { worker: null, task: null, deaths: 0 }
    seats.push(seat)
    start(seat)
  }

  return {
    judge(octets) {
      if (closed || waiting.length >= waitingMax) {
        return Promise.resolve({
          failed: 'busy',
          detail: closed ? 'closing' : `${waiting.length} messages are waiting`,
        })
      }
      const { promise, resolve } = Promise.withResolvers<Judged | JudgeFailure>()
      const id = nextId++
      const deadline = setTimeout(() => expire(id), options.deadlineMs)
      waiting.push({ id, octets, resolve, deadline })
      const free = seats.find((seat) => seat.worker !== null && seat.task === null)
      if (free) give(free)
      return promise
    },
    setModel(model) {
      encoded = model
      lessons = []
      for (const { worker } of seats)
        worker?.postMessage({ type: 'model', encoded, lessons } satisfies ToJudge)
    },
    teach(more) {
      lessons.push(...more)
      for (const { worker } of seats) worker?.postMessage({ type: 'teach', lessons: more } satisfies ToJudge)
    },
    async close() {
      closed = true
      for (const task of waiting.splice(0)) {
        clearTimeout(task.deadline)
        task.resolve({ failed: 'busy', detail: 'closing' })
      }
      await Promise.all(
        seats.map(async (seat) => {
          await seat.worker?.terminate()
          if (seat.task) {
            clearTimeout(seat.task.deadline)
            seat.task.resolve({ failed: 'busy', detail: 'closing' })
          }
        }),
      )
    },
  }
}
