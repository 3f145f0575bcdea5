import type { Envelope } from '@restante/mail'
import { isUniqueId } from '@restante/mail'
import {
  type CopyOrder,
  type CopyOutcome,
  type Delivery,
  isFolder,
  type MessageRecord,
  PREFIX_MAX_OCTETS,
  QUARANTINE,
  type Staged,
  StoreError,
} from '@restante/maildrop'
import { recordWords } from './record-words.ts'
import type { CopyRequest, DeliverRequest } from './requests.ts'
import type { Trailer } from './segment-format.ts'
import { noRoom, type StagedBody, type StagingPlace, stageBody } from './staging.ts'
import { bodyId, type UniqueIds } from './unique-ids.ts'
import { trailerOf } from './write-delivery.ts'
import type { Writer } from './writer.ts'

/** What delivering needs of the store. */
export interface DeliveryTools {
  readonly place: StagingPlace
  readonly writer: Writer
  readonly ids: UniqueIds
  /** @throws {StoreError} `closed` */
  readonly mustBeOpen: () => void
  readonly isOpen: () => boolean
  readonly now: () => number
  /** Address of an account, for the segment's trailer; empty where unknown. */
  readonly addressOf: (account: string) => string
  /** Whether the index has a body in the segment of that name; in doubt it does. */
  readonly isUsedSegment: (name: string) => boolean
  /** Bodies staged but neither committed nor discarded, so that closing the store drops them. */
  readonly stagedBodies: Set<StagedBody>
  /** Commits closing the store waits for. */
  readonly committing: Set<Promise<unknown>>
}

/** The delivering side of a local store. */
export function localDelivery(tools: DeliveryTools): Delivery {
  const { place, mustBeOpen } = tools
  return {
    async stage(octets) {
      mustBeOpen()
      if (!place.space.hasRoomFor(octets instanceof Uint8Array ? octets.length : 0)) throw noRoom()
      const body = await stageBody(place, octets)
      try {
        mustBeOpen()
      } catch (error) {
        await body.end(false)
        throw error
      }
      return staged(tools, body)
    },
    hasRoomFor: (sizeOctets) => tools.isOpen() && place.space.hasRoomFor(sizeOctets),
  }
}

function staged(tools: DeliveryTools, body: StagedBody): Staged {
  const { form } = body
  let ended = false
  tools.stagedBodies.add(body)
  const drop = async (): Promise<void> => {
    if (ended) return
    ended = true
    tools.stagedBodies.delete(body)
    await body.end(false)
  }
  return {
    ...form,
    read: () => body.read(),
    async readWhole(maxOctets) {
      if (form.sizeOctets > maxOctets) return null
      if (body.whole) return body.whole
      const whole = new Uint8Array(form.sizeOctets)
      let at = 0
      for await (const chunk of body.read()) {
        whole.set(chunk, at)
        at += chunk.length
      }
      return whole
    },
    async commit(envelope, copies) {
      tools.mustBeOpen()
      for (const order of copies) checkOrder(order, form.bodyOffset)
      if (ended) throw new StoreError('closed', 'this body was committed or discarded already')
      const requests = copyRequests(tools, envelope, copies)
      ended = true
      tools.stagedBodies.delete(body)
      const work = commitBody(tools, body, requests)
      tools.committing.add(work)
      try {
        return await work
      } finally {
        tools.committing.delete(work)
      }
    },
    discard: drop,
    [Symbol.asyncDispose]: drop,
  }
}

/** @throws {RangeError} where an order breaks the contract's words; a caller's fault, not an outage. */
function checkOrder({ folder, prefix, splice, hold, id }: CopyOrder, bodyOffset: number): void {
  if (!isFolder(folder)) throw new RangeError(`${JSON.stringify(folder)} names no folder`)
  if (id !== undefined && !isUniqueId(id)) throw new RangeError(`${JSON.stringify(id)} is no unique-id`)
  if (prefix.length > PREFIX_MAX_OCTETS) throw new RangeError('the prefix is too long')
  if ((folder === QUARANTINE) !== (hold !== undefined)) {
    throw new RangeError('a hold belongs to copies in the quarantine, and to each of them')
  }
  if (splice && (splice.offset < 0 || splice.length < 0 || splice.offset + splice.length > bodyOffset)) {
    throw new RangeError('the splice is not inside the header')
  }
}

/** The orders as they cross to the writer; nothing in them is the caller's any more. */
function copyRequests(tools: DeliveryTools, envelope: Envelope, copies: readonly CopyOrder[]): CopyRequest[] {
  return copies.map(
    (order): CopyRequest => ({
      account: order.account,
      folder: order.folder,
      id: order.id ?? tools.ids.next(),
      prefix: new Uint8Array(order.prefix),
      splice: order.splice
        ? { ...order.splice, replacement: new Uint8Array(order.splice.replacement) }
        : null,
      hold: order.hold ? { ...order.hold } : null,
      arrivedAtMs: order.arrivedAtMs ?? envelope.receivedAtMs,
      record: order.record ? recordRequest(order.account, order.record) : null,
    }),
  )
}

async function commitBody(
  tools: DeliveryTools,
  body: StagedBody,
  copies: readonly CopyRequest[],
): Promise<readonly CopyOutcome[]> {
  if (copies.length === 0) {
    await body.end(false)
    return []
  }
  const request = {
    bodyId: bodyId(),
    ...body.form,
    atMs: tools.now(),
    copies,
  }
  if (body.whole) {
    try {
      return await tools.writer.run('deliver', { ...request, body: body.whole })
    } finally {
      await body.end(false)
    }
  }
  const trailer = trailerOf(copies.map((each) => ({ ...each, address: tools.addressOf(each.account) })))
  return commitFile(tools, body, request, trailer)
}

/**
 * Commits a body that is in a segment of its own. The index knows the segment before the record is whole: a file with
 * a whole record and no row can only be newer than the index.
 */
async function commitFile(
  tools: DeliveryTools,
  body: Extract<StagedBody, { whole: null }>,
  request: Omit<DeliverRequest, 'body'>,
  trailer: Trailer,
): Promise<readonly CopyOutcome[]> {
  const { writer } = tools
  const { segment } = body
  let row: number | null = null
  // Where the writer thread crashed, its last transaction may have happened or not: the index tells.
  let kept: boolean | null = null
  try {
    row = await writer.run('addSegment', { name: segment, octets: 0, atMs: Date.now() })
    const placed = await body.place(request.bodyId, trailer)
    const outcomes = await writer.run('deliver', { ...request, body: { ...placed, row } })
    kept = outcomes.some((outcome) => 'stored' in outcome)
    return outcomes
  } finally {
    kept ??= tools.isUsedSegment(segment)
    await body.end(kept)
    // Where this fails, compaction finds a segment with nothing in it.
    if (!kept && row !== null) await writer.run('forgetSegment', row).catch(() => false)
  }
}

function recordRequest(account: string, record: MessageRecord): NonNullable<CopyRequest['record']> {
  const { features, ...rest } = record
  return {
    receivedAtMs: record.receivedAtMs,
    sizeOctets: record.sizeOctets,
    words: recordWords(account, record),
    json: JSON.stringify(rest),
    features: features ? new Uint8Array(features) : null,
  }
}
