import { crc32 } from 'node:zlib'
import type { CopyOutcome } from '@restante/maildrop'
import { keepWords } from './record-words.ts'
import type { CopyRequest, DeliverRequest, PlacedBody } from './requests.ts'
import { encodeRecordHeader, encodeTrailer, type Trailer } from './segment-format.ts'
import type { OpenSegment } from './segment-writer.ts'
import { LIVE, list, maildropOf, type WriteContext } from './write-context.ts'

interface AccountRow {
  readonly n: number
  readonly address: string
  readonly quota_octets: number | null
  readonly quota_messages: number | null
}

/** Where a delivery's body is, for the index transaction; null where no copy could be stored and none was written. */
export interface BodyPlace {
  readonly segment: OpenSegment | { readonly placed: PlacedBody }
  readonly position: number
  readonly crc: number
}

function accountRow(context: WriteContext, id: string): AccountRow | undefined {
  return context.index.get<AccountRow>(
    'SELECT n, address, quota_octets, quota_messages FROM accounts WHERE id = ?',
    id,
  )
}

/** Why a copy cannot be stored, or null. `before`: copies of the same request for the same account come first. */
function refusal(
  context: WriteContext,
  account: AccountRow | undefined,
  copy: CopyRequest,
): Extract<CopyOutcome, { failed: unknown }>['failed'] | null {
  if (!account) return 'no-such-account'
  if (account.quota_octets !== null || account.quota_messages !== null) {
    const used = context.index.get<{ octets: number; messages: number }>(
      'SELECT coalesce(sum(octets), 0) AS octets, coalesce(sum(messages), 0) AS messages FROM maildrops WHERE account = ?',
      account.n,
    ) as { octets: number; messages: number }
    if (account.quota_octets !== null && used.octets >= account.quota_octets) return 'over-quota'
    if (account.quota_messages !== null && used.messages >= account.quota_messages) return 'over-quota'
  }
  const same = context.index.get<{ n: number }>(
    'SELECT c.n FROM copies c JOIN maildrops m ON m.n = c.maildrop WHERE c.uid = ? AND m.account = ? AND m.folder = ?',
    copy.id,
    account.n,
    copy.folder,
  )
  return same ? 'duplicate-id' : null
}

function latin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1')
}

/** What the segment remembers of a delivery's copies. */
export function trailerOf(
  copies: readonly (Pick<CopyRequest, 'account' | 'folder' | 'id' | 'arrivedAtMs' | 'prefix' | 'splice'> & {
    readonly address: string
  })[],
): Trailer {
  return {
    copies: copies.map(({ account, address, folder, id, arrivedAtMs, prefix, splice }) => ({
      account,
      address,
      folder,
      id,
      arrivedAtMs,
      prefix: latin1(prefix),
      ...(splice && {
        splice: { offset: splice.offset, length: splice.length, replacement: latin1(splice.replacement) },
      }),
    })),
  }
}

/**
 * Hands a delivery's body to the open segment, to be flushed with the batch. Null where no copy can be stored as
 * things are; nothing is written for those.
 */
export function placeBody(context: WriteContext, request: DeliverRequest): BodyPlace | null {
  const accepted = []
  for (const copy of request.copies) {
    const account = accountRow(context, copy.account)
    if (refusal(context, account, copy) === null)
      accepted.push({ ...copy, address: (account as AccountRow).address })
  }
  if (accepted.length === 0) return null
  const { body } = request
  if (!(body instanceof Uint8Array)) {
    return { segment: { placed: body }, position: body.position, crc: body.crc }
  }
  const trailer = encodeTrailer(trailerOf(accepted))
  const bodyCrc = crc32(body)
  const header = encodeRecordHeader(
    {
      id: request.bodyId,
      sizeOctets: body.length,
      bodyOffset: request.bodyOffset,
      needsStuffing: request.needsStuffing,
      trailerOctets: trailer.length,
      bodyCrc,
    },
    trailer,
  )
  const { segment, position } = context.segments.append([header, body, trailer])
  return { segment, position: position + header.length, crc: bodyCrc }
}

/** The index row of a body's segment. One of the body's own is whole with it, so it is sealed here. */
function segmentRow(context: WriteContext, { segment }: BodyPlace): number {
  if ('placed' in segment) {
    const { row, segmentOctets } = segment.placed
    context.index.run('UPDATE segments SET state = 1, octets = ? WHERE n = ?', segmentOctets, row)
    return row
  }
  if (segment.row === null) throw new Error(`segment ${segment.name} was never entered`)
  return segment.row
}

/** Thrown where a look before the write and the transaction after it disagree: the request goes into the next batch. */
export class TryAgain extends Error {}

/**
 * Enters a delivery into the index: all copies that can be stored, in one transaction with the others of the batch.
 * @throws {TryAgain}
 */
export function deliver(
  context: WriteContext,
  request: DeliverRequest,
  place: BodyPlace | null,
): readonly CopyOutcome[] {
  const { index } = context
  let body: number | null = null
  let stored = 0
  const outcomes = request.copies.map((copy): CopyOutcome => {
    const account = accountRow(context, copy.account)
    const failed = refusal(context, account, copy)
    if (failed !== null || account === undefined) return { failed: failed ?? 'no-such-account' }
    if (place === null) throw new TryAgain()
    body ??= index.run(
      'INSERT INTO bodies (segment, position, size, crc, refs, id) VALUES (?, ?, ?, ?, 0, ?)',
      segmentRow(context, place),
      place.position,
      request.sizeOctets,
      place.crc,
      request.bodyId,
    ).lastRow
    const { splice, hold } = copy
    const shift = copy.prefix.length + (splice ? splice.replacement.length - splice.length : 0)
    const size = request.sizeOctets + shift
    const maildrop = maildropOf(index, account.n, copy.folder)
    const row = {
      maildrop,
      place: context.nextPlace(),
      uid: copy.id,
      size,
      bodyOffset: request.bodyOffset + shift,
      stuffing: request.needsStuffing ? 1 : 0,
      arrivedAtMs: copy.arrivedAtMs,
    }
    const n = index.run(
      `INSERT INTO copies (state, maildrop, place, uid, body, arrived_at_ms, changed_at_ms, size, body_offset, stuffing,
         hold_class, hold_reason, hold_expires_at_ms, splice_offset, splice_length, splice_octets, prefix)
       VALUES (${LIVE}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      maildrop,
      row.place,
      copy.id,
      body,
      copy.arrivedAtMs,
      request.atMs,
      size,
      row.bodyOffset,
      row.stuffing,
      hold?.class ?? null,
      hold?.reason ?? null,
      hold?.expiresAtMs ?? null,
      splice?.offset ?? null,
      splice?.length ?? null,
      splice?.replacement ?? null,
      copy.prefix,
    ).lastRow
    list(index, { ...row, n })
    stored++
    return { stored: { id: copy.id, sizeOctets: size } }
  })
  if (body !== null) index.run('UPDATE bodies SET refs = ? WHERE n = ?', stored, body)
  return outcomes
}

/** Keeps the records that came with a delivery. */
export function keepRecords(context: WriteContext, request: DeliverRequest): void {
  for (const { record, id, account } of request.copies) {
    if (!record) continue
    const n = context.facts.run(
      'INSERT INTO records (id, account, received_at_ms, size, record, features) VALUES (?, ?, ?, ?, ?, ?)',
      id,
      account,
      record.receivedAtMs,
      record.sizeOctets,
      record.json,
      record.features,
    ).lastRow
    keepWords(context.facts, n, record.words)
  }
}
