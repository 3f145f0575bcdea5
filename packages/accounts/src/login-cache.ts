import { createHmac } from 'node:crypto'
import { readSecret, type Secret } from './password.ts'

/** A login that was verified before. */
export interface VerifiedLogin {
  /** The account's id and generation then; others now mean another account or other credentials. */
  readonly epoch: string
  /** The device whose password it was; empty for the account password. */
  readonly device: string
}

/** Remembers verified logins without their secrets, so that polling clients do not pay the slow hash each time. */
export interface LoginCache {
  /** Names a (login name, secret) pair by a keyed hash; null where the secret cannot be one. */
  tag(name: string, secret: Secret): string | null
  /** The login, if it was verified in this epoch and lately. */
  get(tag: string, epoch: string): VerifiedLogin | null
  put(tag: string, login: VerifiedLogin): void
}

/** Makes a cache. */
export function createLoginCache(options: {
  readonly now: () => number
  /** How long a verified login is trusted; 0 = not at all. */
  readonly ttlMs: number
  readonly entries: number
  /** Random octets that stay in this process. */
  readonly key: Uint8Array
}): LoginCache {
  const { now, ttlMs, entries, key } = options
  const kept = new Map<string, VerifiedLogin & { readonly atMs: number }>()
  return {
    tag(name, secret) {
      const octets = readSecret(secret)
      if (typeof octets === 'string') return null
      // The length in front keeps ("a", "bc") and ("ab", "c") apart.
      return createHmac('sha256', key).update(`${name.length} ${name}`).update(octets).digest('base64')
    },
    get(tag, epoch) {
      const login = kept.get(tag)
      if (!login) return null
      const ageMs = now() - login.atMs
      if (login.epoch === epoch && ageMs >= 0 && ageMs < ttlMs) return login
      kept.delete(tag)
      return null
    },
    put(tag, login) {
      if (ttlMs <= 0 || entries <= 0) return
      kept.delete(tag)
      if (kept.size >= entries) kept.delete(kept.keys().next().value as string)
      kept.set(tag, { ...login, atMs: now() })
    },
  }
}
