import type { Octets, UniqueId } from '@restante/mail'
import type { ScanLine, UniqueIdLine } from '@restante/pop3'
import type { FetchEntry } from './fetch-state.ts'

/** What becomes of messages on the server once they are fetched. `days` count from the fetching. */
export type Keep = 'forever' | 'delete' | { readonly days: number }

/** A message as the server lists it. */
export interface Listed {
  readonly id: UniqueId
  readonly number: number
  readonly sizeOctets: Octets
}

/** What one look at a maildrop leads to. */
export interface FetchPlan {
  readonly listed: readonly Listed[]
  /** To be fetched, in order. */
  readonly fetch: readonly Listed[]
  /** Listed, but larger than wanted, or refused before. */
  readonly tooLarge: readonly Listed[]
  /** Fetched earlier, and due to be deleted now. */
  readonly remove: readonly Listed[]
  /** Entries to change: seen again, or missing for the first time. */
  readonly change: readonly (readonly [UniqueId, FetchEntry])[]
  /** Entries of messages that have been gone for long. */
  readonly forget: readonly UniqueId[]
}

const DAY_MS = 86_400_000

/** How long a message that is not listed any more is remembered: a listing may be short by mistake. */
const REMEMBER_MS: number = 30 * DAY_MS

/** Puts sizes and unique-ids together. Where a server gives one id to several messages, the later ones get a mark. */
export function listMessages(sizes: readonly ScanLine[], ids: readonly UniqueIdLine[]): readonly Listed[] {
  const bySize = new Map(sizes.map(({ number, sizeOctets }) => [number, sizeOctets]))
  const seen = new Map<UniqueId, number>()
  return ids.flatMap(({ number, id }) => {
    const sizeOctets = bySize.get(number)
    if (sizeOctets === undefined) return []
    const times = (seen.get(id) ?? 0) + 1
    seen.set(id, times)
    // A space is in no unique-id, so this one is nobody else's.
    return [{ id: times === 1 ? id : `${id} ${times}`, number, sizeOctets }]
  })
}

/** Whether a fetched message may be deleted now. */
export function isDue(keep: Keep, entry: FetchEntry, nowMs: number): boolean {
  if (entry.stage !== 'fetched' || entry.short === true || keep === 'forever') return false
  return keep === 'delete' || nowMs - entry.atMs >= keep.days * DAY_MS
}

/** Compares a maildrop with what is remembered of it. */
export function planFetch(
  listed: readonly Listed[],
  known: ReadonlyMap<UniqueId, FetchEntry>,
  keep: Keep,
  maxMessageOctets: Octets,
  nowMs: number,
): FetchPlan {
  const fetch: Listed[] = []
  const tooLarge: Listed[] = []
  const remove: Listed[] = []
  const change: [UniqueId, FetchEntry][] = []
  const forget: UniqueId[] = []
  for (const message of listed) {
    const entry = known.get(message.id)
    if (entry === undefined || entry.stage === 'begun') {
      if (message.sizeOctets > maxMessageOctets) tooLarge.push(message)
      else fetch.push(message)
      continue
    }
    if (entry.stage === 'refused') tooLarge.push(message)
    else if (isDue(keep, entry, nowMs)) remove.push(message)
    if (entry.missingSinceMs !== undefined) {
      const { missingSinceMs: _, ...seen } = entry
      change.push([message.id, seen])
    }
  }
  const present = new Set(listed.map(({ id }) => id))
  for (const [id, entry] of known) {
    if (present.has(id)) continue
    if (entry.missingSinceMs === undefined) change.push([id, { ...entry, missingSinceMs: nowMs }])
    else if (nowMs - entry.missingSinceMs >= REMEMBER_MS) forget.push(id)
  }
  return { listed, fetch, tooLarge, remove, change, forget }
}
