/** How often a token was learned. */
export interface TokenCount {
  readonly ham: number
  readonly spam: number
}

const INITIAL_SLOTS = 1 << 12

/**
 * Token hash -> {ham, spam, day}: open addressing over flat arrays, 18 octets a slot, at most 70 % full. A slot
 * whose high half is zero is free (hashes never have one).
 */
export class TokenTable {
  private low: Uint32Array
  private high: Uint32Array
  private hamCounts: Uint32Array
  private spamCounts: Uint32Array
  private days: Uint16Array
  private mask: number
  private used = 0

  constructor(slots: number = INITIAL_SLOTS) {
    this.low = new Uint32Array(slots)
    this.high = new Uint32Array(slots)
    this.hamCounts = new Uint32Array(slots)
    this.spamCounts = new Uint32Array(slots)
    this.days = new Uint16Array(slots)
    this.mask = slots - 1
  }

  /** Distinct tokens held. */
  get size(): number {
    return this.used
  }

  /** Slot of a token, or -1. */
  find(low: number, high: number): number {
    let slot = (low ^ (high >>> 7)) & this.mask
    for (;;) {
      const there = this.high[slot] as number
      if (there === 0) return -1
      if (there === high && this.low[slot] === low) return slot
      slot = (slot + 1) & this.mask
    }
  }

  ham(slot: number): number {
    return this.hamCounts[slot] as number
  }

  spam(slot: number): number {
    return this.spamCounts[slot] as number
  }

  /** Adds to a token's counts; never below zero. `day` is kept where it is later than the one held. */
  add(low: number, high: number, ham: number, spam: number, day: number): void {
    let slot = this.find(low, high)
    if (slot < 0) {
      if (ham <= 0 && spam <= 0) return
      if ((this.used + 1) * 10 > this.low.length * 7) this.rebuild(this.low.length * 2, null)
      slot = (low ^ (high >>> 7)) & this.mask
      while (this.high[slot] !== 0) slot = (slot + 1) & this.mask
      this.low[slot] = low
      this.high[slot] = high
      this.used++
    }
    this.hamCounts[slot] = Math.max(0, (this.hamCounts[slot] as number) + ham)
    this.spamCounts[slot] = Math.max(0, (this.spamCounts[slot] as number) + spam)
    if (day > (this.days[slot] as number)) this.days[slot] = Math.min(day, 65_535)
  }

  private rebuild(slots: number, keep: ((ham: number, spam: number, day: number) => boolean) | null): void {
    const { low, high, hamCounts, spamCounts, days } = this
    this.low = new Uint32Array(slots)
    this.high = new Uint32Array(slots)
    this.hamCounts = new Uint32Array(slots)
    this.spamCounts = new Uint32Array(slots)
    this.days = new Uint16Array(slots)
    this.mask = slots - 1
    this.used = 0
    for (let from = 0; from < low.length; from++) {
      const half = high[from] as number
      if (half === 0) continue
      const ham = hamCounts[from] as number
      const spam = spamCounts[from] as number
      const day = days[from] as number
      if (keep !== null && !keep(ham, spam, day)) continue
      let slot = ((low[from] as number) ^ (half >>> 7)) & this.mask
      while (this.high[slot] !== 0) slot = (slot + 1) & this.mask
      this.low[slot] = low[from] as number
      this.high[slot] = half
      this.hamCounts[slot] = ham
      this.spamCounts[slot] = spam
      this.days[slot] = day
      this.used++
    }
  }

  /** Drops what is worth nothing any more: tokens unlearned to zero, and those seen once, last before `day`. */
  expire(day: number): void {
    this.rebuild(this.low.length, (ham, spam, last) => ham + spam > 1 || (ham + spam === 1 && last >= day))
  }

  /** Slots of all tokens learned at least once, in the order of their hashes. */
  sortedSlots(): Uint32Array {
    const slots = new Uint32Array(this.used)
    let count = 0
    for (let slot = 0; slot < this.low.length; slot++) {
      if (this.high[slot] !== 0 && (this.hamCounts[slot] as number) + (this.spamCounts[slot] as number) > 0) {
        slots[count++] = slot
      }
    }
    const { low, high } = this
    return slots
      .subarray(0, count)
      .sort((a, b) => (high[a] as number) - (high[b] as number) || (low[a] as number) - (low[b] as number))
  }

  /** What a slot of {@link sortedSlots} holds. */
  at(slot: number): TokenCount & { readonly low: number; readonly high: number; readonly day: number } {
    return {
      low: this.low[slot] as number,
      high: this.high[slot] as number,
      ham: this.hamCounts[slot] as number,
      spam: this.spamCounts[slot] as number,
      day: this.days[slot] as number,
    }
  }
}
