import type { Operations } from './requests.ts'
import { removePlaces, type WriteContext } from './write-context.ts'

type DeviceOperations = Pick<Operations, 'setRemoveAfter' | 'keepPickUps' | 'retireHidden' | 'retireOld'>

/** Messages removed in one request. */
const SLICE = 200

/** What devices and their policies change in the index. */
export function deviceOperations({ index }: WriteContext): DeviceOperations {
  return {
    setRemoveAfter({ id, policy }) {
      return index.run('UPDATE accounts SET remove_after = ? WHERE id = ?', policy, id).changes > 0
    },

    keepPickUps(pickUps) {
      for (const { account, device, atMs } of pickUps) {
        index.run(
          `INSERT INTO pick_ups (account, device, at_ms) SELECT n, ?2, ?3 FROM accounts WHERE id = ?1
           ON CONFLICT (account, device) DO UPDATE SET at_ms = excluded.at_ms WHERE excluded.at_ms > at_ms`,
          account,
          device,
          atMs,
        )
      }
      return null
    },

    retireHidden({ maildrop, devices, atMs }) {
      const places = index
        .all<{ place: number }>(
          `SELECT h.place FROM views v JOIN hidden h ON h.view = v.n
           WHERE v.maildrop = ?1 AND (?2 IS NULL OR v.device IN (SELECT value FROM json_each(?2)))
           GROUP BY h.place HAVING count(*) >= ?3 ORDER BY h.place LIMIT ${SLICE}`,
          maildrop,
          devices === null ? null : JSON.stringify(devices),
          devices === null ? 1 : devices.length,
        )
        .map(({ place }) => place)
      if (places.length > 0) removePlaces(index, maildrop, places, atMs)
      return places.length
    },

    retireOld({ maildrop, beforeMs, atMs }) {
      // Places are given in the order of coming: what is due stands first.
      const places = index
        .all<{ place: number; ms: number }>(
          `SELECT l.place, c.changed_at_ms AS ms FROM listed l JOIN copies c ON c.n = l.n
           WHERE l.maildrop = ? ORDER BY l.place LIMIT ${SLICE}`,
          maildrop,
        )
        .filter(({ ms }) => ms <= beforeMs)
        .map(({ place }) => place)
      if (places.length > 0) removePlaces(index, maildrop, places, atMs)
      return places.length
    },
  }
}
