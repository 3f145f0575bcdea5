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
   * @param octets copied, not kept
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
  readonly onCrash?: (detail: string) => void
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

interface Task {
  readonly id: number
  readonly octets: Uint8Array
  readonly resolve: (result: Judged | JudgeFailure) => void
  readonly deadline: NodeJS.Timeout
}

interface Seat {
  worker: Worker
  task: Task | null
}

/** Starts the pool. Its workers do not keep the process alive while they have nothing to do. */
export function createJudgePool(options: JudgePoolOptions): JudgePool {
  const seats: Seat[] = []
  const waiting: Task[] = []
  const waitingMax = options.waitingMax ?? 256
  let encoded: Uint8Array | null = null
  let lessons: TaughtLesson[] = []
  let nextId = 1
  let closed = false

  const start = (seat: Seat | null): Seat => {
    const source = new URL(
      import.meta.url.endsWith('.ts') ? './judge-worker.ts' : './judge-worker.js',
      import.meta.url,
    )
    const worker = new Worker(source, { resourceLimits: { maxOldGenerationSizeMb: 512 } })
    worker.unref()
    const taken: Seat = seat ?? { worker, task: null }
    taken.worker = worker
    worker.postMessage({ type: 'model', encoded, lessons } satisfies ToJudge)
    worker.on('message', (message: FromJudge) => {
      const { task } = taken
      if (taken.worker !== worker || task === null || task.id !== message.id) return
      finish(taken, 'judged' in message ? message.judged : { failed: 'crash', detail: message.crashed })
    })
    const died = (detail: string): void => {
      if (taken.worker !== worker || closed) return
      options.onCrash?.(detail)
      start(taken)
      if (taken.task) finish(taken, { failed: 'crash', detail })
    }
    worker.on('error', (error) => died(error instanceof Error ? error.message : String(error)))
    worker.on('exit', (code) => died(`worker ended with ${code}`))
    return taken
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
    const task = waiting.shift()
    if (task === undefined) return
    seat.task = task
    seat.worker.postMessage({ type: 'judge', id: task.id, octets: task.octets } satisfies ToJudge)
  }

  const expire = (id: number): void => {
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
    void stuck.terminate()
    options.onCrash?.(detail)
    finish(seat, { failed: 'timeout', detail })
  }

  for (let i = 0; i < (options.workers ?? 1); i++) seats.push(start(null))

  return {
    judge(octets) {
      if (closed || waiting.length >= waitingMax) {
        return Promise.resolve({ failed: 'busy', detail: `${waiting.length} messages are waiting` })
      }
      const { promise, resolve } = Promise.withResolvers<Judged | JudgeFailure>()
      const id = nextId++
      const deadline = setTimeout(() => expire(id), options.deadlineMs)
      waiting.push({ id, octets, resolve, deadline })
      const free = seats.find((seat) => seat.task === null)
      if (free) give(free)
      return promise
    },
    setModel(model) {
      encoded = model
      lessons = []
      for (const { worker } of seats)
        worker.postMessage({ type: 'model', encoded, lessons } satisfies ToJudge)
    },
    teach(more) {
      lessons = [...lessons, ...more]
      for (const { worker } of seats) worker.postMessage({ type: 'teach', lessons: more } satisfies ToJudge)
    },
    async close() {
      closed = true
      for (const task of waiting.splice(0)) {
        clearTimeout(task.deadline)
        task.resolve({ failed: 'busy', detail: 'closing' })
      }
      await Promise.all(
        seats.map(async (seat) => {
          await seat.worker.terminate()
          if (seat.task) {
            clearTimeout(seat.task.deadline)
            seat.task.resolve({ failed: 'busy', detail: 'closing' })
          }
        }),
      )
    },
  }
}
