import type { Connection } from './connection.ts'
import { guarded } from './failure.ts'
import type { FreeSpace } from './free-space.ts'

/** How full a store is. */
export interface StoreStats {
  readonly accounts: number
  /** Live copies, and those that can still be undeleted. */
  readonly messages: number
  readonly removedMessages: number
  /** Bodies, shared by copies, and their octets. */
  readonly bodies: number
  readonly bodyOctets: number
  readonly segments: number
  /** Octets of all segment files as last known; what is above `bodyOctets` is headers, trailers and dead bodies. */
  readonly segmentOctets: number
  /** Held copies in the quarantine. */
  readonly held: number
  readonly records: number
  readonly freeOctets: number
}

/** Counts what a store holds. Reads every row once: for operators, not for every request. */
export function storeStats(index: Connection, facts: Connection, space: FreeSpace): StoreStats {
  return guarded(() => {
    const one = (database: Connection, sql: string): number => database.get<{ v: number }>(sql)?.v ?? 0
    return {
      accounts: one(index, 'SELECT count(*) AS v FROM accounts'),
      messages: one(index, 'SELECT coalesce(sum(messages), 0) AS v FROM maildrops WHERE account IS NOT NULL'),
      removedMessages: one(index, 'SELECT count(*) AS v FROM copies WHERE state = 1'),
      bodies: one(index, 'SELECT count(*) AS v FROM bodies'),
      bodyOctets: one(index, 'SELECT coalesce(sum(size), 0) AS v FROM bodies'),
      segments: one(index, 'SELECT count(*) AS v FROM segments'),
      segmentOctets: one(index, 'SELECT coalesce(sum(octets), 0) AS v FROM segments'),
      held: one(
        index,
        "SELECT coalesce(sum(messages), 0) AS v FROM maildrops WHERE folder = 'quarantine' AND account IS NOT NULL",
      ),
      records: one(facts, 'SELECT count(*) AS v FROM records'),
      freeOctets: space.freeOctets,
    }
  })
}
