const SIZE_UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 1 << 10,
  mib: 1 << 20,
  gib: 1 << 30,
}
const TIME_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1e3,
  m: 60e3,
  min: 60e3,
  h: 3600e3,
  d: 86400e3,
}

/** Octets from `35MB`, `64 KiB` or a bare number; null for anything else. Decimal units count by 1000. */
export function parseSize(text: string | number): number | null {
  return parseQuantity(text, SIZE_UNITS, 'b')
}

/** Milliseconds from `30d`, `10 min`, `90s`; a bare number counts seconds; null for anything else. */
export function parseDuration(text: string | number): number | null {
  return parseQuantity(text, TIME_UNITS, 's')
}

function parseQuantity(
  text: string | number,
  units: Readonly<Record<string, number>>,
  bare: string,
): number | null {
  const found = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(String(text).trim())
  if (!found) return null
  const unit = units[((found[2] as string) || bare).toLowerCase()]
  if (unit === undefined) return null
  const value = Math.round(Number(found[1]) * unit)
  return Number.isSafeInteger(value) ? value : null
}

/** `1.2 MB`, `980 B`: for people. */
export function formatSize(octets: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let step = 0
  let value = octets
  while (value >= 1000 && step < units.length - 1) {
    value /= 1000
    step++
  }
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[step]}`
}
