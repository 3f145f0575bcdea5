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
import type { CopyRequest } from './requests.ts'
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
  /** Whether the index knows a segment of that name. */
  readonly isKnownSegment: (name: string) => boolean
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
  const end = async (kept: boolean): Promise<void> => {
    tools.stagedBodies.delete(body)
    await body.end(kept)
  }
  const drop = async (): Promise<void> => {
    if (ended) return
    ended = true
    await end(false)
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
      ended = true
      tools.stagedBodies.delete(body)
      const work = commitBody(tools, body, envelope, copies)
      tools.committing.add(work)
      // Where the writer thread crashed, its last transaction may have happened or not: the index tells.
      let kept = true
      try {
        const outcomes = await work
        kept = outcomes.some((outcome) => 'stored' in outcome)
        return outcomes
      } catch (error) {
        kept = body.segment !== null && tools.isKnownSegment(body.segment)
        throw error
      } finally {
        tools.committing.delete(work)
        await end(kept)
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

async function commitBody(
  tools: DeliveryTools,
  body: StagedBody,
  envelope: Envelope,
  copies: readonly CopyOrder[],
): Promise<readonly CopyOutcome[]> {
  if (copies.length === 0) return []
  const requests = copies.map(
    (order): CopyRequest => ({
      account: order.account,
      folder: order.folder,
      id: order.id ?? tools.ids.next(),
      prefix: order.prefix.slice(),
      splice: order.splice ? { ...order.splice, replacement: order.splice.replacement.slice() } : null,
      hold: order.hold ? { ...order.hold } : null,
      arrivedAtMs: order.arrivedAtMs ?? envelope.receivedAtMs,
      record: order.record ? recordRequest(order.record) : null,
    }),
  )
  const id = bodyId()
  const placed = body.whole
    ? null
    : await body.place(
        id,
        trailerOf(requests.map((request) => ({ ...request, address: tools.addressOf(request.account) }))),
      )
  return tools.writer.run('deliver', {
    bodyId: id,
    body: placed ?? (body.whole as Uint8Array),
    ...body.form,
    atMs: tools.now(),
    copies: requests,
  })
}

function recordRequest(record: MessageRecord): NonNullable<CopyRequest['record']> {
  const { features, ...rest } = record
  return {
    receivedAtMs: record.receivedAtMs,
    json: JSON.stringify(rest),
    features: features ? features.slice() : null,
  }
}
