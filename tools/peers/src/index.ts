export { type DebianPackage, debianPackages } from './debian-packages.ts'
export { PeerMissingError, PeerOutputError, PeerTimeoutError } from './error.ts'
export { type FoundPeer, findPeer, type MissingPeer, type Peer, requirePeer } from './find.ts'
export { type PeerResult, type RunOptions, runPeer } from './run.ts'
