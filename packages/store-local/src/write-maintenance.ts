import type { Operations } from './requests.ts'
import type { WriteContext } from './write-context.ts'

type MaintenanceOperations = Pick<Operations, 'addSegment' | 'relocate' | 'dropSegment' | 'sealSegments'>

/** What compaction and start-up change in the index. */
export function maintenanceOperations(context: WriteContext): MaintenanceOperations {
  const { index } = context
  return {
    addSegment({ name, octets, atMs }) {
      return index.run(
        'INSERT INTO segments (name, state, created_at_ms, octets) VALUES (?, 1, ?, ?)',
        name,
        atMs,
        octets,
      ).lastRow
    },

    relocate({ from, to, bodies }) {
      let moved = 0
      for (const { body, position } of bodies) {
        moved += index.run(
          'UPDATE bodies SET segment = ?, position = ? WHERE n = ? AND segment = ?',
          to,
          position,
          body,
          from,
        ).changes
      }
      return moved
    },

    dropSegment(n) {
      if (index.get('SELECT 1 FROM bodies WHERE segment = ? LIMIT 1', n)) return false
      return index.run('DELETE FROM segments WHERE n = ? AND state = 1', n).changes > 0
    },

    sealSegments(names) {
      let sealed = 0
      for (const name of names) {
        sealed += index.run('UPDATE segments SET state = 1 WHERE name = ? AND state = 0', name).changes
      }
      return sealed
    },
  }
}
