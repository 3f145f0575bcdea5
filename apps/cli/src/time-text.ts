/** `2026-11-22`, in UTC. */
export function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

/** `2026-11-22 14:02`, in UTC. */
export function moment(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}
