/**
 * What happens to CR and LF that are not a pair, in mail data (RFC 5321 §2.3.8 forbids them).
 * - `normalize`: each becomes CRLF and a missing final CRLF is added, so nothing stored can smuggle when it
 *   is sent on or served. NUL stays: it breaks no line and signatures cover it.
 * - `reject`: the message is refused, for NUL too.
 * - `keep`: octets as they came.
 */
export type LineEndPolicy = 'normalize' | 'reject' | 'keep'

const CR = 13
const LF = 10
const NOTHING: Buffer = Buffer.alloc(0)

/**
 * Index of the first octet that shows a bare CR or bare LF, or -1: the LF without a CR before it, or the
 * octet after a CR that is not LF. A CR at the very end is undecided and not reported.
 * Reads four octets at a time; only words that hold an octet below 14 are looked at closely.
 *
 * @param afterCr whether the octet before the first one is a CR
 */
export function findBareLineEnd(octets: Uint8Array, afterCr: boolean, refuseNul = false): number {
  const length = octets.length
  let at = 0
  let previousCr = afterCr
  const close = (to: number): boolean => {
    for (; at < to; at++) {
      const octet = octets[at]
      if (octet === LF ? !previousCr : previousCr || (refuseNul && octet === 0)) return true
      previousCr = octet === CR
    }
    return false
  }
  const aligned = Math.min(length, -octets.byteOffset & 3)
  if (close(aligned)) return at
  if (length - aligned < 4) return close(length) ? at : -1
  const words = new Int32Array(octets.buffer, octets.byteOffset + aligned, (length - aligned) >> 2)
  for (let word = 0; word < words.length; word++) {
    const four = words[word] as number
    if ((((four - 0x0e0e0e0e) | 0) & ~four & 0x80808080) === 0) {
      if (previousCr) return aligned + word * 4
      continue
    }
    at = aligned + word * 4
    if (close(at + 4)) return at
  }
  at = aligned + words.length * 4
  return close(length) ? at : -1
}

/** Applies a {@link LineEndPolicy} to mail data while it streams by. */
export class LineEndFilter {
  readonly #policy: LineEndPolicy
  #afterCr = false
  /** The last two octets handed on, as far as they tell whether a line is open. */
  #atLineStart = true
  #violated = false

  constructor(policy: LineEndPolicy) {
    this.#policy = policy
  }

  /** Whether a bare CR, bare LF or NUL was seen under `reject`. */
  get violated(): boolean {
    return this.#violated
  }

  /** The octets to hand on; `octets` itself where nothing had to change. */
  push(octets: Buffer): Buffer {
    if (octets.length === 0 || this.#policy === 'keep') return octets
    const bare = findBareLineEnd(octets, this.#afterCr, this.#policy === 'reject')
    const last = octets[octets.length - 1]
    const result = bare < 0 || this.#policy === 'reject' ? octets : this.#repair(octets)
    if (bare >= 0) this.#violated = this.#policy === 'reject'
    this.#afterCr = last === CR
    this.#atLineStart = last === LF
    return result
  }

  /** What must follow the last octet: nothing, LF or CRLF. Under `reject`, a final bare CR is a violation. */
  end(): Buffer {
    if (this.#policy === 'reject' && this.#afterCr) this.#violated = true
    if (this.#policy !== 'normalize' || this.#atLineStart) return NOTHING
    return Buffer.from(this.#afterCr ? '\n' : '\r\n')
  }

  #repair(octets: Buffer): Buffer {
    let extra = 0
    let previousCr = this.#afterCr
    for (const octet of octets) {
      if (octet === LF ? !previousCr : previousCr) extra++
      previousCr = octet === CR
    }
    const repaired = Buffer.allocUnsafe(octets.length + extra)
    let to = 0
    previousCr = this.#afterCr
    for (const octet of octets) {
      if (octet === LF) {
        if (!previousCr) repaired[to++] = CR
      } else if (previousCr) repaired[to++] = LF
      repaired[to++] = octet
      previousCr = octet === CR
    }
    return repaired
  }
}
