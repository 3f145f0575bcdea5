/** A peer that must be there is not. */
export class PeerMissingError extends Error {
  readonly code = 'PEER_MISSING'
  override readonly name = 'PeerMissingError'
}

/** A peer was still running when its time was up; it has been killed. The message holds the end of what it said. */
export class PeerTimeoutError extends Error {
  readonly code = 'PEER_TIMEOUT'
  override readonly name = 'PeerTimeoutError'
}

/** A peer printed more than a test can want; it has been killed. */
export class PeerOutputError extends Error {
  readonly code = 'PEER_OUTPUT'
  override readonly name = 'PeerOutputError'
}
