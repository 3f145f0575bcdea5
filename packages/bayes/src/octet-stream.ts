/** Grows as it is written; little-endian. */
export class OctetWriter {
  private octets: Uint8Array
  private view: DataView
  private at = 0

  /** `expected`: octets that will probably be enough. */
  constructor(expected: number) {
    this.octets = new Uint8Array(expected)
    this.view = new DataView(this.octets.buffer)
  }

  private room(more: number): void {
    if (this.at + more <= this.octets.length) return
    const larger = new Uint8Array(Math.max(this.octets.length * 2, this.at + more))
    larger.set(this.octets.subarray(0, this.at))
    this.octets = larger
    this.view = new DataView(larger.buffer)
  }

  octet(value: number): void {
    this.room(1)
    this.octets[this.at++] = value
  }

  /** Unsigned, up to 2^53, seven bits an octet, lowest first. */
  varint(value: number): void {
    this.room(8)
    let rest = value
    while (rest >= 128) {
      this.octets[this.at++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    this.octets[this.at++] = rest
  }

  uint32(value: number): void {
    this.room(4)
    this.view.setUint32(this.at, value, true)
    this.at += 4
  }

  float32(value: number): void {
    this.room(4)
    this.view.setFloat32(this.at, value, true)
    this.at += 4
  }

  float64(value: number): void {
    this.room(8)
    this.view.setFloat64(this.at, value, true)
    this.at += 8
  }

  /** Their number, then the octets. */
  octetString(octets: Uint8Array): void {
    this.varint(octets.length)
    this.room(octets.length)
    this.octets.set(octets, this.at)
    this.at += octets.length
  }

  /** What was written. */
  finish(): Uint8Array {
    return this.octets.subarray(0, this.at)
  }
}

/** Octets that do not spell what they should. */
export class CorruptOctetsError extends Error {
  readonly code = 'CORRUPT_OCTETS'
  constructor(what: string) {
    super(`not a ${what} this version can read`)
    this.name = 'CorruptOctetsError'
  }
}

/** Reads what {@link OctetWriter} wrote; every read past the end throws {@link CorruptOctetsError}. */
export class OctetReader {
  private readonly octets: Uint8Array
  private readonly view: DataView
  private readonly what: string
  private at = 0

  constructor(octets: Uint8Array, what: string) {
    this.octets = octets
    this.view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
    this.what = what
  }

  private take(count: number): number {
    const from = this.at
    if (from + count > this.octets.length) throw new CorruptOctetsError(this.what)
    this.at = from + count
    return from
  }

  /** Octets not read yet. */
  get left(): number {
    return this.octets.length - this.at
  }

  octet(): number {
    return this.octets[this.take(1)] as number
  }

  varint(): number {
    let value = 0
    let factor = 1
    for (let i = 0; i < 8; i++) {
      const octet = this.octet()
      value += (octet & 127) * factor
      if (octet < 128) return value
      factor *= 128
    }
    throw new CorruptOctetsError(this.what)
  }

  /** What `octetString` wrote; a view. */
  octetString(): Uint8Array {
    const from = this.take(this.varint())
    return this.octets.subarray(from, this.at)
  }

  /** That many 32-bit numbers, in an array of their own. */
  uint32s(count: number): Uint32Array {
    const numbers = new Uint32Array(count)
    let at = this.take(count * 4)
    const { octets } = this
    for (let i = 0; i < count; i++, at += 4) {
      numbers[i] =
        (octets[at] as number) |
        ((octets[at + 1] as number) << 8) |
        ((octets[at + 2] as number) << 16) |
        ((octets[at + 3] as number) << 24)
    }
    return numbers
  }

  /** That many 24-bit numbers, each below `limit`. */
  uint24s(count: number, limit: number): Uint32Array {
    const numbers = new Uint32Array(count)
    let at = this.take(count * 3)
    const { octets } = this
    for (let i = 0; i < count; i++, at += 3) {
      const number =
        (octets[at] as number) | ((octets[at + 1] as number) << 8) | ((octets[at + 2] as number) << 16)
      if (number >= limit) throw new CorruptOctetsError(this.what)
      numbers[i] = number
    }
    return numbers
  }

  uint32(): number {
    return this.view.getUint32(this.take(4), true)
  }

  float32(): number {
    return this.view.getFloat32(this.take(4), true)
  }

  float64(): number {
    return this.view.getFloat64(this.take(8), true)
  }
}
