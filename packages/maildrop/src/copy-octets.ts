import type { Octets, StoredForm } from '@restante/mail'
import type { Splice } from './delivery.ts'

/** Size and shape of a copy as a reader sees it: prefix, body, and the splice in its header. */
export function copyForm(prefix: Uint8Array, body: StoredForm, splice: Splice | null): StoredForm {
  const more = prefix.length + (splice === null ? 0 : splice.replacement.length - splice.length)
  return {
    sizeOctets: body.sizeOctets + more,
    bodyOffset: body.bodyOffset + more,
    needsStuffing: body.needsStuffing,
  }
}

/**
 * Up to `maxOctets` of a copy from `position`, from one of its runs (prefix, body before the splice, replacement, body
 * after it), so often fewer; empty at the end. A view: not to be written to.
 */
export function copyOctetsAt(
  prefix: Uint8Array,
  body: Uint8Array,
  splice: Splice | null,
  position: Octets,
  maxOctets: Octets,
): Uint8Array {
  const runs =
    splice === null
      ? [prefix, body]
      : [
          prefix,
          body.subarray(0, splice.offset),
          splice.replacement,
          body.subarray(splice.offset + splice.length),
        ]
  let at = position
  for (const run of runs) {
    if (at < run.length) return run.subarray(at, at + Math.max(0, maxOctets))
    at -= run.length
  }
  return body.subarray(body.length)
}
