import { concatOctets, type Envelope, type Octets, scanStoredForm } from '@restante/mail'
import { copyForm } from './copy-octets.ts'
import {
  type CopyOrder,
  type CopyOutcome,
  type Delivery,
  PREFIX_MAX_OCTETS,
  type Staged,
} from './delivery.ts'
import type { MemoryBody, MemoryRecord, MemoryState } from './memory-state.ts'
import { StoreError } from './store-error.ts'
import { isFolder, QUARANTINE } from './words.ts'

/** The delivering side of a memory store. */
export function memoryDelivery(state: MemoryState): Delivery {
  return {
    async stage(octets) {
      state.mustBeOpen()
      const take = stageBody(state)
      try {
        if (octets instanceof Uint8Array) take.push(octets)
        else for await (const chunk of octets) take.push(chunk)
        state.mustBeOpen()
        return memoryStaged(state, take.finish())
      } catch (error) {
        take.drop()
        throw error
      }
    },
    hasRoomFor: (sizeOctets) => !state.closed && state.hasRoomFor(sizeOctets),
  }
}

interface BodyStaging {
  /** @throws {StoreError} `disk-full` */
  push(chunk: Uint8Array): void
  finish(): MemoryBody
  drop(): void
}

/** Takes one body's octets, counting them against the store's capacity as they come. */
export function stageBody(state: MemoryState): BodyStaging {
  const scanner = scanStoredForm()
  const kept: Uint8Array[] = []
  let heldOctets = 0
  const keep = (chunk: Uint8Array) => {
    if (!state.hasRoomFor(chunk.length)) {
      throw new StoreError('disk-full', 'the memory store has reached its capacity')
    }
    state.usedOctets += chunk.length
    heldOctets += chunk.length
    kept.push(new Uint8Array(chunk))
  }
  return {
    push(chunk) {
      for (const piece of scanner.push(chunk)) keep(piece)
    },
    finish() {
      const { tail, form } = scanner.finish()
      keep(tail)
      return { octets: concatOctets(kept), form, copies: 0 }
    },
    drop() {
      state.usedOctets -= heldOctets
    },
  }
}

function memoryStaged(state: MemoryState, body: MemoryBody): Staged {
  let ended = false
  const end = () => {
    if (ended) throw new Error('this body was committed or discarded already')
    ended = true
  }
  const drop = async () => {
    if (ended) return
    ended = true
    state.dropBody(body, 0)
  }
  return {
    ...body.form,
    async *read() {
      yield body.octets
    },
    readWhole: async (maxOctets: Octets) => (body.octets.length > maxOctets ? null : body.octets),
    async commit(envelope, copies) {
      state.mustBeOpen()
      for (const order of copies) checkOrder(order, body)
      end()
      return commitCopies(state, body, envelope, copies)
    },
    discard: drop,
    [Symbol.asyncDispose]: drop,
  }
}

function checkOrder({ folder, prefix, splice, hold }: CopyOrder, body: MemoryBody): void {
  if (!isFolder(folder)) throw new RangeError(`${JSON.stringify(folder)} names no folder`)
  if (prefix.length > PREFIX_MAX_OCTETS) throw new RangeError('the prefix is too long')
  if ((folder === QUARANTINE) !== (hold !== undefined)) {
    throw new RangeError('a hold belongs to copies in the quarantine, and to each of them')
  }
  if (
    splice &&
    (splice.offset < 0 || splice.length < 0 || splice.offset + splice.length > body.form.bodyOffset)
  ) {
    throw new RangeError('the splice is not inside the header')
  }
}

/** Stores copies of a body in one step. */
export function commitCopies(
  state: MemoryState,
  body: MemoryBody,
  envelope: Pick<Envelope, 'receivedAtMs'>,
  copies: readonly CopyOrder[],
): readonly CopyOutcome[] {
  const outcomes = copies.map((order): CopyOutcome => {
    const account = state.account(order.account)
    if (account === null) return { failed: 'no-such-account' }
    const { quotaOctets, quotaMessages } = account.row
    if (account.usage.octets >= (quotaOctets ?? Number.POSITIVE_INFINITY)) return { failed: 'over-quota' }
    if (account.usage.messages >= (quotaMessages ?? Number.POSITIVE_INFINITY)) return { failed: 'over-quota' }
    if (order.id !== undefined && state.hasId(order.account, order.folder, order.id)) {
      return { failed: 'duplicate-id' }
    }
    const id = order.id ?? state.makeId()
    const record: MemoryRecord | null =
      order.record === undefined
        ? null
        : {
            serial: ++state.recordSerial,
            account: order.account,
            stored: { ...structuredClone(order.record), id, currentId: id },
          }
    const prefix = new Uint8Array(order.prefix)
    const splice = order.splice
      ? { ...order.splice, replacement: new Uint8Array(order.splice.replacement) }
      : null
    const copy = state.add(
      {
        ...copyForm(prefix, body.form, splice),
        account: order.account,
        folder: order.folder,
        arrivedAtMs: order.arrivedAtMs ?? envelope.receivedAtMs,
        hold: order.hold ? { ...order.hold } : null,
        prefix,
        splice,
        body,
        record,
      },
      id,
    )
    if (record !== null) state.indexRecord(id, record)
    return { stored: { id, sizeOctets: copy.sizeOctets } }
  })
  if (body.copies === 0) state.dropBody(body, 0)
  return outcomes
}
