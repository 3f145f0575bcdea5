import { latin1Text, type Octets, type UniqueId } from '@restante/mail'

/** One line of LIST (RFC 1939 §5, "scan listing"). */
export interface ScanLine {
  readonly number: number
  readonly sizeOctets: Octets
}

/** One line of UIDL. */
export interface UniqueIdLine {
  readonly number: number
  readonly id: UniqueId
}

/** What STAT says (RFC 1939 §5, "drop listing"). */
export interface DropLine {
  readonly count: number
  readonly sizeOctets: Octets
}

/** Longest unique-id taken: RFC 1939 §7 allows 70, some servers give more. */
export const LONGEST_UNIQUE_ID: Octets = 255

const SCAN = /^(\d{1,10}) (\d{1,15})(?: |$)/
const UNIQUE_ID = /^(\d{1,10}) ([!-~]{1,255}) *$/

/** Reads `NUMBER SIZE` (a line of LIST, or the text after +OK of LIST n); null where it is not that. */
export function parseScanLine(line: Uint8Array | string): ScanLine | null {
  const parts = SCAN.exec(textOf(line))
  const number = Number(parts?.[1])
  return parts === null || number < 1 ? null : { number, sizeOctets: Number(parts[2]) }
}

/** Reads `NUMBER UNIQUE-ID`; null where it is not that. */
export function parseUniqueIdLine(line: Uint8Array | string): UniqueIdLine | null {
  const parts = UNIQUE_ID.exec(textOf(line))
  const number = Number(parts?.[1])
  return parts === null || number < 1 ? null : { number, id: parts[2] as string }
}

/** Reads `COUNT SIZE`, the text after +OK of STAT; null where it is not that. */
export function parseDropLine(line: Uint8Array | string): DropLine | null {
  const parts = SCAN.exec(textOf(line))
  return parts === null ? null : { count: Number(parts[1]), sizeOctets: Number(parts[2]) }
}

function textOf(line: Uint8Array | string): string {
  return typeof line === 'string' ? line : latin1Text(line)
}
