import type { Connection } from './connection.ts'
import { type FailureNotice, failureOf } from './failure.ts'
import type { FileLayer } from './file-layer.ts'
import type { DeliverRequest, OperationName, Operations, PostedRequest } from './requests.ts'
import type { SegmentWriter } from './segment-writer.ts'
import type { WriteContext } from './write-context.ts'
import { type BodyPlace, deliver, keepRecords, placeBody, TryAgain } from './write-delivery.ts'
import { deviceOperations } from './write-devices.ts'
import { directoryOperations } from './write-directory.ts'
import { keepingOperations } from './write-keeping.ts'
import { learningOperations } from './write-learning.ts'
import { maintenanceOperations } from './write-maintenance.ts'

/** Bounds of one batch and of one index transaction. */
const BATCH_ROWS = 200
const BATCH_OCTETS = 16 * 1024 * 1024
const TRANSACTION_MS = 5

/** Operations that touch another database than the index. */
const ELSEWHERE: { readonly [op in OperationName]?: 'facts' | 'model' } = {
  appendLessons: 'model',
  forgetLessons: 'model',
  saveModel: 'model',
  forgetRecords: 'facts',
  expireRecords: 'facts',
}

type AnswerMessage =
  | { readonly serial: number; readonly answer: unknown }
  | { readonly serial: number; readonly failure: FailureNotice }

/** What batches are done with. */
export interface BatchTools {
  readonly index: Connection
  readonly facts: Connection
  readonly model: Connection
  readonly segments: SegmentWriter
  readonly files: FileLayer
  readonly log: (event: string, fields: Readonly<Record<string, string | number | boolean>>) => void
}

/**
 * Group commit: the bodies of a batch are written and flushed once, then its index changes are committed, then it is
 * answered. Nothing is answered as done before it is durable.
 */
export class WriteBatches {
  readonly #tools: BatchTools
  readonly #context: WriteContext
  readonly #operations: Omit<Operations, 'deliver'>
  #place = 0
  #placeAtBegin = 0

  constructor(tools: BatchTools) {
    this.#tools = tools
    const { index, facts, model, segments } = tools
    const context: WriteContext = { index, facts, model, segments, nextPlace: () => ++this.#place }
    this.#context = context
    this.#operations = {
      ...keepingOperations(context),
      ...deviceOperations(context),
      ...directoryOperations(context),
      ...learningOperations(context),
      ...maintenanceOperations(context),
    }
  }

  /** Takes the next batch off the front of `waiting`. */
  cut(waiting: PostedRequest[]): PostedRequest[] {
    let rows = 0
    let octets = 0
    let count = 0
    for (const { op, argument } of waiting) {
      if (count > 0 && (rows >= BATCH_ROWS || octets >= BATCH_OCTETS)) break
      if (op === 'deliver') {
        const { copies, body } = argument as DeliverRequest
        rows += copies.length
        if (body instanceof Uint8Array) octets += body.length
      } else rows++
      count++
    }
    return waiting.splice(0, count)
  }

  /** Does a batch. `again`: requests that must go into the next one. */
  run(batch: readonly PostedRequest[]): { answers: AnswerMessage[]; again: PostedRequest[] } {
    const answers: AnswerMessage[] = []
    const again: PostedRequest[] = []
    const places = this.#writeBodies(batch, answers)
    const rest = batch.filter((request) => request.op !== 'deliver' || places.has(request.serial))
    this.#elsewhere('facts', rest, answers, places)
    this.#elsewhere('model', rest, answers, places)
    const forIndex = rest.filter((request) => ELSEWHERE[request.op] === undefined)
    for (let done = 0; done < forIndex.length; ) {
      done += this.#transaction(forIndex, done, places, answers, again)
    }
    // Not before all transactions that name it: the seal goes into the index with the next batch.
    if (this.#tools.segments.isFull) this.#tools.segments.seal()
    return { answers, again }
  }

  /** Writes and flushes the bodies of a batch; those that failed are answered and left out of the result. */
  #writeBodies(batch: readonly PostedRequest[], answers: AnswerMessage[]): Map<number, BodyPlace | null> {
    const { segments, log } = this.#tools
    const places = new Map<number, BodyPlace | null>()
    try {
      for (const { op, serial, argument } of batch) {
        if (op === 'deliver') places.set(serial, placeBody(this.#context, argument as DeliverRequest))
      }
      this.#enterSegment()
      segments.flush()
      return places
    } catch (error) {
      const failure = failureOf(error)
      const segment = segments.open?.name ?? segments.abandoned.at(-1)?.name ?? ''
      segments.forget()
      log('store-write-failed', { reason: failure.detail, code: failure.code, segment })
      const left = new Map<number, BodyPlace | null>()
      for (const { op, serial, argument } of batch) {
        if (op !== 'deliver') continue
        const place = places.get(serial)
        // Bodies in a segment of their own were flushed before and go on.
        if (place && !((argument as DeliverRequest).body instanceof Uint8Array)) left.set(serial, place)
        else answers.push({ serial, failure })
      }
      return left
    }
  }

  /**
   * Names a new segment in the index before its first record is written: a file the index does not know is then
   * either empty of records, or newer than the index, which must have come from a backup.
   */
  #enterSegment(): void {
    const { index, segments } = this.#tools
    const { open } = segments
    if (!open || open.row !== null) return
    this.#begin()
    try {
      const row = index.run(
        'INSERT INTO segments (name, state, created_at_ms, octets) VALUES (?, 0, ?, ?)',
        open.name,
        open.createdAtMs,
        open.octets,
      ).lastRow
      this.#commit()
      open.row = row
    } catch (error) {
      this.#rollBack()
      throw error
    }
  }

  /** The part of a batch that goes to facts or model, in one transaction; where that fails, one by one. */
  #elsewhere(
    name: 'facts' | 'model',
    batch: readonly PostedRequest[],
    answers: AnswerMessage[],
    places: ReadonlyMap<number, BodyPlace | null>,
  ): void {
    const wanted = batch.filter(({ op, argument, serial }) =>
      op === 'deliver'
        ? name === 'facts' &&
          places.get(serial) !== null &&
          (argument as DeliverRequest).copies.some((copy) => copy.record !== null)
        : ELSEWHERE[op] === name,
    )
    const database = this.#tools[name]
    const attempt = (requests: readonly PostedRequest[]): AnswerMessage[] => {
      const made: AnswerMessage[] = []
      database.exec('BEGIN IMMEDIATE')
      try {
        for (const request of requests) {
          if (request.op === 'deliver') keepRecords(this.#context, request.argument as DeliverRequest)
          else made.push({ serial: request.serial, answer: this.#do(request) })
        }
        database.exec('COMMIT')
      } catch (error) {
        if (database.inTransaction) database.exec('ROLLBACK')
        throw error
      }
      return made
    }
    if (wanted.length === 0) return
    try {
      answers.push(...attempt(wanted))
    } catch (error) {
      for (const request of wanted) {
        try {
          answers.push(...(wanted.length === 1 ? fail(error) : attempt([request])))
        } catch (single) {
          const failure = failureOf(single)
          // Mail goes on without its record: losing the record is the smaller loss.
          if (request.op === 'deliver') this.#tools.log('store-record-failed', { reason: failure.detail })
          else answers.push({ serial: request.serial, failure })
        }
      }
    }
  }

  #do(request: PostedRequest): unknown {
    const operation = this.#operations[request.op as Exclude<OperationName, 'deliver'>] as (
      argument: unknown,
    ) => unknown
    return operation(request.argument)
  }

  /** Applies requests from `from` on in one index transaction, until its time is up; how many it took. */
  #transaction(
    requests: readonly PostedRequest[],
    from: number,
    places: ReadonlyMap<number, BodyPlace | null>,
    answers: AnswerMessage[],
    again: PostedRequest[],
  ): number {
    const made: AnswerMessage[] = []
    let taken = 0
    try {
      this.#begin()
      const start = performance.now()
      while (from + taken < requests.length) {
        const request = requests[from + taken] as PostedRequest
        taken++
        made.push({ serial: request.serial, answer: this.#apply(request, places) })
        if (performance.now() - start >= TRANSACTION_MS) break
      }
      this.#commit()
      answers.push(...made)
      return taken
    } catch (error) {
      this.#rollBack()
      const failed = requests.slice(from, taken === 0 ? undefined : from + taken)
      if (error instanceof TryAgain && failed.length === 1) {
        again.push(...failed)
      } else if (taken > 1 && !isOutage(error)) {
        // One of several failed: each gets a transaction of its own, so that only that one fails.
        for (const request of failed) this.#transaction([request], 0, places, answers, again)
      } else {
        const failure = failureOf(error)
        const operation = failed[0]?.op ?? ''
        this.#tools.log('store-index-failed', { reason: failure.detail, code: failure.code, operation })
        for (const { serial } of failed) answers.push({ serial, failure })
      }
      return failed.length
    }
  }

  #apply(request: PostedRequest, places: ReadonlyMap<number, BodyPlace | null>): unknown {
    if (request.op === 'deliver') {
      return deliver(this.#context, request.argument as DeliverRequest, places.get(request.serial) ?? null)
    }
    return this.#do(request)
  }

  #begin(): void {
    const { index } = this.#tools
    index.exec('BEGIN IMMEDIATE')
    this.#place = index.get<{ value: number }>("SELECT value FROM sequence WHERE name = 'place'")?.value ?? 0
    this.#placeAtBegin = this.#place
  }

  #commit(): void {
    const { index, segments, files } = this.#tools
    for (const segment of segments.abandoned) {
      index.run('UPDATE segments SET state = 1, octets = ? WHERE name = ?', segment.octets, segment.name)
    }
    if (this.#place !== this.#placeAtBegin) {
      index.run("UPDATE sequence SET value = ? WHERE name = 'place'", this.#place)
      // Tells a rebuild how old a backup of the index is.
      index.run("UPDATE sequence SET value = ? WHERE name = 'changed_ms'", Date.now())
    }
    files.note('index-commit')
    index.exec('COMMIT')
    files.note('index-committed')
    segments.abandoned.length = 0
  }

  #rollBack(): void {
    const { index } = this.#tools
    try {
      if (index.inTransaction) index.exec('ROLLBACK')
    } catch {
      // The next BEGIN tells.
    }
  }

  /** Seals what earlier writer threads of this instance left open when they crashed. */
  sealEarlier(instance: string, generation: number): void {
    if (generation <= 1) return
    this.#begin()
    for (let earlier = 1; earlier < generation; earlier++) {
      this.#tools.index.run(
        "UPDATE segments SET state = 1 WHERE state = 0 AND name LIKE ? || '-%'",
        `${instance}-${earlier}`,
      )
    }
    this.#commit()
  }

  /** Seals the open segment and closes the databases. */
  close(): void {
    const { index, facts, model, segments } = this.#tools
    segments.seal()
    if (segments.abandoned.length > 0) {
      this.#begin()
      this.#commit()
    }
    index.close()
    facts.close()
    model.close()
  }
}

function fail(error: unknown): never {
  throw error
}

/** SQLite's IOERR, CORRUPT, FULL, CANTOPEN, NOTADB: trying the requests one by one would only fail slower. */
function isOutage(error: unknown): boolean {
  const { errcode } = error as { readonly errcode?: number }
  return typeof errcode === 'number' && [10, 11, 13, 14, 26].includes(errcode & 0xff)
}
