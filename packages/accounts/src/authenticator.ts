import { randomBytes } from 'node:crypto'
import {
  type Account,
  type Credential,
  type Directory,
  deviceView,
  type MaildropKey,
} from '@restante/maildrop'
import { SCHEMES } from './credential-set.ts'
import { verifyFast } from './device-password.ts'
import { BusyError, type HashGate, type HashTurn, processHashGate } from './hash-gate.ts'
import { createLoginCache } from './login-cache.ts'
import { type LoginName, parseLoginName } from './login-name.ts'
import { type HashOptions, readSecret, type Secret, verifyNothing, verifyPassword } from './password.ts'
import {
  fakeScramVerifier,
  parseScramVerifier,
  SCRAM_ACCOUNT_ITERATIONS,
  SCRAM_DEVICE_ITERATIONS,
  type ScramVerifier,
  verifyByScram,
} from './scram.ts'
import { createThrottle, THROTTLE_DEFAULTS, type Throttle, type ThrottleLimits } from './throttle.ts'

/** How the name and secret came. */
export type PasswordMechanism = 'USER' | 'PLAIN' | 'LOGIN'
export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS'
export type BearerMechanism = 'OAUTHBEARER' | 'XOAUTH2'
export type LoginService = 'pop3' | 'smtp'

/** Who wants to log in, from where. */
export interface LoginSource {
  /** As the client sent it; see {@link parseLoginName}. */
  readonly name: string
  /** The peer's address, as text. */
  readonly remote: string
  readonly service: LoginService
  /** The connection's end: a check nobody waits for any more leaves the line. */
  readonly signal?: AbortSignal
}

/** A login with a plain secret. */
export interface LoginRequest extends LoginSource {
  readonly mechanism: PasswordMechanism
  /** Compared to the octet: spaces count, nothing is trimmed. */
  readonly secret: Secret
}

/** Someone who proved who he is, and the maildrop he asked for. */
export interface Login {
  readonly account: Account
  /** The device whose password it was; empty for the account password. */
  readonly device: string
  /** `recent` where asked for; else the device's view, or `classic` for the account password. */
  readonly key: MaildropKey
}

/**
 * Why nobody was let in.
 * - `auth`: name and secret do not belong together ([AUTH], 535). Never says which of them is wrong.
 * - `throttled`: too many wrong guesses from there; nothing was checked ([SYS/TEMP], 454).
 * - `busy`: too many checks are waiting; try again ([SYS/TEMP], 454).
 * - `unavailable`: the directory, or the issuer of a token, did not answer ([SYS/TEMP], 454).
 * - `cancelled`: the signal ended the wait.
 */
export type LoginFailure = 'auth' | 'throttled' | 'busy' | 'unavailable' | 'cancelled'

/** What came of a login; the details are for the log, never for the peer. */
export type LoginOutcome =
  | { readonly ok: Login }
  | {
      readonly failed: LoginFailure
      /** A fixed word: `unknown-account`, `wrong-secret`, `repeated-wrong-secret`, `bad-secret`, `bad-name`, ... */
      readonly detail: string
      readonly retryAfterMs?: number
      readonly cause?: unknown
    }

/** A SCRAM exchange under way. */
export interface ScramLogin {
  /** The account's, or one that looks like it. */
  readonly verifier: ScramVerifier
  /** Says whether the client's proof fitted; call at most once. A proof for an invented verifier never counts. */
  settle(proven: boolean): Promise<LoginOutcome>
}

/** One decided login, for logs and counters. */
export interface LoginEvent {
  readonly service: LoginService
  readonly mechanism: PasswordMechanism | ScramMechanism | BearerMechanism
  readonly remote: string
  /** Canonical address, or null where the name was not one. */
  readonly address: string | null
  readonly outcome: 'ok' | LoginFailure
  /** `account`, `device` or `token` where it went well, else the failure's fixed word. */
  readonly detail: string
}

/** Checks the verifiers of a scheme taken over from another server. May throw {@link BusyError}. */
export type SchemeVerifier = (
  verifier: string,
  secret: Uint8Array,
  turn: HashTurn & { readonly gate: HashGate },
) => Promise<boolean>

/** What an authenticator is made of. */
export interface AuthenticatorOptions {
  readonly directory: Directory
  /** Milliseconds; for throttle and cache. */
  readonly now: () => number
  /** Stands in for names without `@`; null refuses them. */
  readonly defaultDomain: string | null
  /** `off` lifts every limit that goes by address, for tests where all clients share one. */
  readonly limits?: Partial<ThrottleLimits> | 'off'
  /** How long a verified login saves the slow hash; 0 = never. Default 15 min. */
  readonly cacheTtlMs?: number
  /** Default 20,000. */
  readonly cacheEntries?: number
  /**
   * 32 or more random octets from which verifiers for unknown SCRAM names are made. The same in every process and
   * after a restart, or else strangers can tell invented from real. Default: drawn at random.
   */
  readonly installationKey?: Uint8Array
  /** A source of random octets; `node:crypto` by default. */
  readonly random?: (octets: number) => Uint8Array
  /** Default: the one all slow hashes of this process share. */
  readonly gate?: HashGate
  /** By scheme, for credentials taken over from elsewhere. */
  readonly schemes?: Readonly<Record<string, SchemeVerifier>>
  /** Told of every decided login. Must not throw. */
  readonly onLogin?: (event: LoginEvent) => void
}

/** Decides who gets in. */
export interface Authenticator {
  /**
   * Checks a plain secret against the account password and the device passwords. Never rejects. Unknown accounts cost
   * what a wrong password costs.
   */
  login(request: LoginRequest): Promise<LoginOutcome>
  /** Starts a SCRAM exchange for `ADDRESS` (account password) or `ADDRESS+device=NAME`. Never rejects. */
  scram(
    request: LoginSource & { readonly mechanism: ScramMechanism },
  ): Promise<ScramLogin | Extract<LoginOutcome, { failed: LoginFailure }>>
  /** The verifier of a SCRAM name, or one that looks like it. @throws {StoreError} */
  scramVerifier(name: string): Promise<ScramVerifier>
  /** Who is slowed down now, and the way to forgive. */
  readonly throttle: Pick<Throttle, 'list' | 'clear'>
}

type Failed = Extract<LoginOutcome, { failed: LoginFailure }>
type Decision = { readonly account: Account; readonly device: string } | Failed

/** One verification that several equal requests may wait for. */
interface Flight {
  readonly decision: Promise<Decision>
  readonly controller: AbortController
  waiting: number
}

/** Stands in for the address where a name is none, so that it goes the same way as an unknown account. */
const NOBODY = ''

function loginOf(account: Account, device: string, name: LoginName): Login {
  const view = name.view ?? (device === '' ? 'classic' : deviceView(device))
  return { account, device, key: { account: account.id, folder: name.folder, view } }
}

/** What a remembered check depends on: an erased account's successor shares its address, not its epoch. */
function epochOf(account: Account | null): string {
  return account === null ? '' : `${account.id} ${account.generation}`
}

function failed(kind: LoginFailure, detail: string, more: Omit<Failed, 'failed' | 'detail'> = {}): Failed {
  return { failed: kind, detail, ...more }
}

/** Whatever was thrown on the way, as an outcome. */
function failedBy(error: unknown, signal: AbortSignal | undefined): Failed {
  if (error instanceof BusyError) return failed('busy', 'hash-queue-full')
  if (signal?.aborted) return failed('cancelled', 'nobody-waits')
  return failed('unavailable', 'directory', { cause: error })
}

/** Makes an authenticator. One per process, so that its cache, throttle and hash queue are shared. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { directory, now, defaultDomain, random = randomBytes, gate = processHashGate } = options
  const limited = options.limits !== 'off'
  const throttle = createThrottle(
    options.limits === 'off' ? null : { ...THROTTLE_DEFAULTS, ...options.limits },
    now,
  )
  const cache = createLoginCache({
    now,
    ttlMs: options.cacheTtlMs ?? 15 * 60_000,
    entries: options.cacheEntries ?? 20_000,
    key: random(32),
  })
  const fakeKey = options.installationKey ?? random(32)
  const flights = new Map<string, Flight>()
  let scramFailures = 0

  function tell(
    source: LoginSource,
    mechanism: LoginEvent['mechanism'],
    name: LoginName | null,
    outcome: LoginOutcome,
  ): LoginOutcome {
    options.onLogin?.({
      service: source.service,
      mechanism,
      remote: source.remote,
      address: name?.address ?? null,
      outcome: 'ok' in outcome ? 'ok' : outcome.failed,
      detail: 'ok' in outcome ? (outcome.ok.device === '' ? 'account' : 'device') : outcome.detail,
    })
    return outcome
  }

  /** The device whose secret it is (empty: the account's), or null. Costs at least one argon2id unless something fits. */
  async function prove(
    credentials: readonly Credential[],
    device: string | null,
    secret: Secret,
    turn: HashOptions & { readonly gate: HashGate },
  ): Promise<string | null> {
    const asked = credentials.filter((each) => device === null || each.device === device)
    let fits: string | null = null
    for (const each of asked)
      if (each.scheme === SCHEMES.fast && verifyFast(each.verifier, secret)) fits ??= each.device
    if (fits !== null) return fits

    const slow = asked.filter((each) => each.scheme === SCHEMES.argon2id)
    slow.sort((a, b) => Number(a.device !== '') - Number(b.device !== ''))
    for (const each of slow) if (await verifyPassword(each.verifier, secret, turn)) return each.device

    const octets = readSecret(secret)
    if (typeof octets === 'string') return null
    for (const each of asked) {
      const foreign = options.schemes?.[each.scheme]
      if (foreign && (await foreign(each.verifier, octets, turn))) return each.device
    }
    // A SCRAM verifier is tried only where a device has nothing better.
    const covered = new Set(asked.filter((each) => each.scheme !== SCHEMES.scram).map((each) => each.device))
    for (const each of asked)
      if (each.scheme === SCHEMES.scram && !covered.has(each.device))
        if (await verifyByScram(each.verifier, secret, turn)) return each.device
    // Being wrong costs an argon2id whatever there was to compare with, an account included.
    if (slow.length === 0) await verifyNothing(secret, turn)
    return null
  }

  /** Throttle, cache and hash for one (address, name, secret). */
  async function decide(
    name: LoginName | null,
    request: LoginRequest,
    tag: string | null,
    signal: AbortSignal,
  ): Promise<Decision> {
    // Not a guess, whoever it is said to be from.
    if (tag === null) return failed('auth', 'bad-secret')
    const address = name?.address ?? NOBODY
    const { remote } = request
    const admitted = throttle.admit(remote, address)
    if ('retryAfterMs' in admitted)
      return failed('throttled', 'too-many-failures', { retryAfterMs: admitted.retryAfterMs })
    const { attempt } = admitted
    try {
      const account = name === null ? null : await directory.accountByAddress(address)
      const epoch = epochOf(account)
      const cached = account && cache.get(tag, epoch)
      if (account && cached) {
        attempt.succeeded()
        return { account, device: cached.device }
      }
      if (throttle.isKnownWrong(remote, address, tag, epoch)) {
        attempt.abandoned()
        return failed('auth', 'repeated-wrong-secret')
      }
      // Asked for unknown accounts too, so that they take as long.
      const credentials = await directory.credentials(account?.id ?? NOBODY)
      const turn = { gate, signal, ...(limited ? { share: remote } : {}) }
      const device = await prove(account ? credentials : [], name?.device ?? null, request.secret, turn)
      if (account && device !== null) {
        attempt.succeeded()
        cache.put(tag, { epoch, device })
        return { account, device }
      }
      attempt.failed(tag, epoch)
      return failed('auth', name === null ? 'bad-name' : account ? 'wrong-secret' : 'unknown-account')
    } catch (error) {
      attempt.abandoned()
      return failedBy(error, signal)
    }
  }

  /** The flight of an equal request under way, or a new one. */
  function board(name: LoginName | null, request: LoginRequest): Flight {
    const tag = cache.tag(`${name?.address ?? NOBODY}\n${name?.device ?? ''}`, request.secret)
    const key = tag === null ? null : `${request.remote} ${tag}`
    const same = key === null ? undefined : flights.get(key)
    if (same && !same.controller.signal.aborted) return same
    const controller = new AbortController()
    const decision = decide(name, request, tag, controller.signal)
    const flight: Flight = { decision, controller, waiting: 0 }
    if (key !== null) {
      flights.set(key, flight)
      void decision.finally(() => {
        if (flights.get(key) === flight) flights.delete(key)
      })
    }
    return flight
  }

  /** Waits for a flight, or for the signal; the last to leave calls it off. */
  function ride(flight: Flight, signal: AbortSignal | undefined): Promise<Decision> {
    if (!signal) {
      flight.waiting++
      return flight.decision
    }
    flight.waiting++
    return new Promise((resolve) => {
      const leave = (): void => {
        flight.waiting--
        if (flight.waiting === 0) flight.controller.abort()
        resolve(failed('cancelled', 'nobody-waits'))
      }
      signal.addEventListener('abort', leave, { once: true })
      void flight.decision.then((decision) => {
        signal.removeEventListener('abort', leave)
        resolve(decision)
      })
    })
  }

  /** A SCRAM name's account and verifier; both null where there is none. */
  async function findScram(
    name: LoginName | null,
  ): Promise<{ readonly account: Account | null; readonly verifier: ScramVerifier | null }> {
    const account = name === null ? null : await directory.accountByAddress(name.address)
    const credentials = await directory.credentials(account?.id ?? NOBODY)
    const kept = account
      ? credentials.find((each) => each.scheme === SCHEMES.scram && each.device === (name?.device ?? ''))
      : undefined
    return { account, verifier: kept ? parseScramVerifier(kept.verifier) : null }
  }

  function inventScram(text: string, name: LoginName | null): ScramVerifier {
    const known = name === null ? text : `${name.address} ${name.device ?? ''}`
    const iterations = (name?.device ?? null) === null ? SCRAM_ACCOUNT_ITERATIONS : SCRAM_DEVICE_ITERATIONS
    return fakeScramVerifier(known, iterations, fakeKey)
  }

  async function settleScram(
    request: LoginSource,
    name: LoginName | null,
    account: Account | null,
    proven: boolean,
  ): Promise<LoginOutcome> {
    const address = name?.address ?? NOBODY
    const admitted = throttle.admit(request.remote, address)
    if ('retryAfterMs' in admitted)
      return failed('throttled', 'too-many-failures', { retryAfterMs: admitted.retryAfterMs })
    const { attempt } = admitted
    try {
      if (name !== null && account !== null && proven) {
        // The credentials may have changed since the exchange began.
        const current = await directory.accountByAddress(address)
        if (current?.id === account.id && current.generation === account.generation) {
          attempt.succeeded()
          return { ok: loginOf(current, name.device ?? '', name) }
        }
        attempt.abandoned()
        return failed('auth', 'credentials-changed')
      }
      // The secret never showed, so each failure is another guess.
      attempt.failed(`scram ${scramFailures++}`, epochOf(account))
      return failed('auth', name === null ? 'bad-name' : account ? 'wrong-secret' : 'unknown-account')
    } catch (error) {
      attempt.abandoned()
      return failedBy(error, request.signal)
    }
  }

  return {
    throttle: { list: throttle.list, clear: throttle.clear },
    async login(request) {
      const name = parseLoginName(request.name, { defaultDomain })
      const decision = request.signal?.aborted
        ? failed('cancelled', 'nobody-waits')
        : await ride(board(name, request), request.signal)
      const outcome: LoginOutcome =
        'failed' in decision || name === null
          ? (decision as Failed)
          : { ok: loginOf(decision.account, decision.device, name) }
      return tell(request, request.mechanism, name, outcome)
    },
    async scram(request) {
      const name = parseLoginName(request.name, { defaultDomain })
      const { mechanism } = request
      const admitted = throttle.admit(request.remote, name?.address ?? NOBODY)
      if ('retryAfterMs' in admitted) {
        const refused = failed('throttled', 'too-many-failures', { retryAfterMs: admitted.retryAfterMs })
        tell(request, mechanism, name, refused)
        return refused
      }
      // Beginning is no guess; only `settle` counts.
      admitted.attempt.abandoned()
      try {
        const { account, verifier } = await findScram(name)
        let settled = false
        return {
          verifier: verifier ?? inventScram(request.name, name),
          async settle(proven) {
            if (settled) throw new Error('a SCRAM exchange is settled once')
            settled = true
            const holder = verifier ? account : null
            return tell(request, mechanism, name, await settleScram(request, name, holder, proven))
          },
        }
      } catch (error) {
        const refused = failedBy(error, request.signal)
        tell(request, mechanism, name, refused)
        return refused
      }
    },
    async scramVerifier(text) {
      const name = parseLoginName(text, { defaultDomain })
      return (await findScram(name)).verifier ?? inventScram(text, name)
    },
  }
}
