const MONTHS = 'janfebmaraprmayjunjulaugsepoctnovdec'
const DATE =
  /(\d{1,2})[\s-]+([A-Za-z]{3})[a-z]{0,6}[\s,-]+(\d{2,4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([+-]\d{4}|[A-Za-z]{1,5})?/
const ZONES: Readonly<Record<string, number>> = {
  EST: -5,
  EDT: -4,
  CST: -6,
  CDT: -5,
  MST: -7,
  MDT: -6,
  PST: -8,
  PDT: -7,
}

/** Milliseconds since 1970 of a Date field (RFC 5322 §3.3, obsolete zones included), or null. */
export function parseDate(raw: string): number | null {
  const found = DATE.exec(raw.slice(0, 120))
  if (found === null) return null
  const month = MONTHS.indexOf((found[2] as string).toLowerCase())
  if (month < 0 || month % 3 !== 0) return null
  let year = Number(found[3])
  // RFC 5322 §4.3: two digits below 50 are this century, three digits count from 1900.
  if ((found[3] as string).length === 2) year += year < 50 ? 2000 : 1900
  else if ((found[3] as string).length === 3) year += 1900
  const time = Date.UTC(
    year,
    month / 3,
    Number(found[1]),
    Number(found[4]),
    Number(found[5]),
    Number(found[6] ?? 0),
  )
  const zone = found[7] ?? ''
  const numeric = /^([+-])(\d\d)(\d\d)$/.exec(zone)
  const offsetMinutes = numeric
    ? (numeric[1] === '-' ? -1 : 1) * (Number(numeric[2]) * 60 + Number(numeric[3]))
    : (ZONES[zone.toUpperCase()] ?? 0) * 60
  return Number.isNaN(time) ? null : time - offsetMinutes * 60_000
}
