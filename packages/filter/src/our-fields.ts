import { headerEnd, latin1Text, removeForeignFields } from '@restante/mail'

/** As long as what a store lets us put before a copy. */
const PREFIX_MAX_OCTETS = 8192

/**
 * A message without what we put before it: Return-Path, Delivered-To, our own Received, verdict fields. What people
 * hand back to be learned has been through here once; the classifier should see it as it came.
 */
export function withoutOurFields(octets: Uint8Array): Uint8Array {
  let own = octets
  const head = latin1Text(octets, 0, Math.min(octets.length, PREFIX_MAX_OCTETS))
  const trace =
    /^Return-Path:[^\n]*\nDelivered-To:[^\n]*\nReceived:[^\n]*(?:\n[ \t][^\n]*)*\n(?:Authentication-Results:[^\n]*(?:\n[ \t][^\n]*)*\n)?/.exec(
      head,
    )
  if (trace?.[0].includes('(Restante)')) own = octets.subarray(trace[0].length)
  const end = headerEnd(own)
  const headerLength = end < 0 ? own.length : end
  const clean = removeForeignFields(own.subarray(0, headerLength), '')
  if (clean.removed.length === 0) return own
  const whole = new Uint8Array(clean.octets.length + own.length - headerLength)
  whole.set(clean.octets)
  whole.set(own.subarray(headerLength), clean.octets.length)
  return whole
}
