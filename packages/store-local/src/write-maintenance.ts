import type { Operations } from './requests.ts'
import type { WriteContext } from './write-context.ts'

type MaintenanceOperations = Pick<
  Operations,
  'addSegment' | 'relocate' | 'emptySegment' | 'forgetSegment' | 'sealSegments' | 'noteOldIndex'
>

/** What compaction and start-up change in the index. */
export function maintenanceOperations(context: WriteContext): MaintenanceOperations {
  const { index } = context
  return {
    addSegment({ name, octets, atMs }) {
      return index.run(
        'INSERT INTO segments (name, state, created_at_ms, octets) VALUES (?, 0, ?, ?)',
        name,
        atMs,
        octets,
      ).lastRow
    },

    relocate({ to, bodies }) {
      let moved = 0
      for (const { body, from, position } of bodies) {
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

    emptySegment(n) {
      if (index.get('SELECT 1 FROM bodies WHERE segment = ? LIMIT 1', n)) return false
      return index.run('UPDATE segments SET state = 2 WHERE n = ? AND state = 1', n).changes > 0
    },

    forgetSegment(n) {
      return (
        index.run(
          'DELETE FROM segments WHERE n = ?1 AND NOT EXISTS (SELECT 1 FROM bodies WHERE segment = ?1)',
          n,
        ).changes > 0
      )
    },

    noteOldIndex() {
      index.run("INSERT OR REPLACE INTO sequence (name, value) VALUES ('is_old', 1)")
      return null
    },

    sealSegments(segments) {
      let sealed = 0
      for (const { name, octets } of segments) {
        sealed += index.run(
          'UPDATE segments SET state = 1, octets = ? WHERE name = ? AND state = 0',
          octets,
          name,
        ).changes
      }
      return sealed
    },
  }
}
