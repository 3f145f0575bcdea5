import { isIPv6 } from 'node:net'
import type { Limits } from './options.ts'

interface Record {
  connections: number
  /** Connections begun in the minute that started at `minuteMs`. */
  begun: number
  minuteMs: number
  /** Errors in the stretch that started at `errorsMs`. */
  errors: number
  errorsMs: number
}

const MINUTE_MS = 60_000
const ERRORS_MS = 600_000
/** Addresses remembered at most; the longest unseen without a connection are forgotten first. */
const REMEMBERED = 50_000

/** Whether a connection may come in, or which limit it is over. */
export type Admission = 'ok' | 'too-many' | 'too-fast' | 'too-many-errors'

/** Counts connections and errors per address (IPv6: per /64), within bounded memory. */
export class AddressLimits {
  readonly #limits: Limits
  readonly #nowMs: () => number
  /** In order of last connection. */
  readonly #records = new Map<string, Record>()
  readonly #active: boolean

  constructor(limits: Limits, nowMs: () => number) {
    this.#limits = limits
    this.#nowMs = nowMs
    this.#active =
      limits.connectionsPerAddress !== null ||
      limits.connectionsPerAddressPerMinute !== null ||
      limits.errorsPerAddress !== null
  }

  /** Counts a new connection; anything but `ok` means it is refused and not counted as open. */
  admit(address: string): Admission {
    // A Unix socket has no address: what comes through it is told apart by nobody.
    if (!this.#active || address === '') return 'ok'
    const now = this.#nowMs()
    const key = limitKey(address)
    const record = this.#records.get(key) ?? {
      connections: 0,
      begun: 0,
      minuteMs: now,
      errors: 0,
      errorsMs: now,
    }
    this.#records.delete(key)
    this.#records.set(key, record)
    if (this.#records.size > REMEMBERED) this.#forget()
    if (now - record.minuteMs >= MINUTE_MS) {
      record.minuteMs = now
      record.begun = 0
    }
    const { connectionsPerAddress, connectionsPerAddressPerMinute, errorsPerAddress } = this.#limits
    record.begun++
    if (connectionsPerAddress !== null && record.connections >= connectionsPerAddress) return 'too-many'
    if (connectionsPerAddressPerMinute !== null && record.begun > connectionsPerAddressPerMinute)
      return 'too-fast'
    if (errorsPerAddress !== null && this.#errors(record, now) > errorsPerAddress) return 'too-many-errors'
    record.connections++
    return 'ok'
  }

  /** An admitted connection has ended. */
  release(address: string): void {
    const record = this.#records.get(limitKey(address))
    if (record !== undefined && record.connections > 0) record.connections--
  }

  /** Counts an error; true if the address has made too many. */
  addError(address: string): boolean {
    const limit = this.#limits.errorsPerAddress
    if (limit === null) return false
    const record = this.#records.get(limitKey(address))
    if (record === undefined) return false
    const now = this.#nowMs()
    this.#errors(record, now)
    return ++record.errors > limit
  }

  #errors(record: Record, now: number): number {
    if (now - record.errorsMs >= ERRORS_MS) {
      record.errorsMs = now
      record.errors = 0
    }
    return record.errors
  }

  #forget(): void {
    for (const [key, record] of this.#records) {
      if (record.connections > 0) continue
      this.#records.delete(key)
      return
    }
  }
}

/** What limits count by: an IPv4 address, or the first 64 bits of an IPv6 address. */
export function limitKey(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':')
    const missing = 8 - groups.length - after.length - (tail.includes('.') ? 1 : 0)
    for (let i = 0; i < missing; i++) groups.push('0')
    groups.push(...after)
  }
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')
}
