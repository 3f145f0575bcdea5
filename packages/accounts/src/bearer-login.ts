import { createHmac, randomBytes } from 'node:crypto'
import { canonicalAddress, parsePath } from '@restante/mail'
import { type Account, type Directory, deviceView, INBOX } from '@restante/maildrop'
import type {
  BearerMechanism,
  Login,
  LoginEvent,
  LoginFailure,
  LoginOutcome,
  LoginSource,
} from './authenticator.ts'
import { type LoginName, parseLoginName } from './login-name.ts'
import { createThrottle, THROTTLE_DEFAULTS, type Throttle, type ThrottleLimits } from './throttle.ts'
import { IssuerError, type TokenClaims, type TokenVerifier } from './token.ts'

/** A login with an access token; `name` may be empty (RFC 7628 §3.1): then the token alone says whose mail it is. */
export interface BearerRequest extends LoginSource {
  readonly mechanism: BearerMechanism
  readonly token: string
}

/** Like {@link LoginOutcome}; with `auth` comes what the client is told (RFC 7628 §3.2.2), a JSON text in ASCII. */
export type BearerOutcome = LoginOutcome & { readonly challenge?: string }

/** What a bearer authenticator is made of. */
export interface BearerOptions {
  readonly directory: Directory
  readonly verifier: TokenVerifier
  /** Told to refused clients, so that they find where tokens come from. */
  readonly issuer: string
  /** Likewise: what a token must allow; null = nothing special. */
  readonly scope: string | null
  /**
   * The claim that holds an account's address (without `@`: in the default domain). `email` is not taken where
   * `email_verified` says false.
   */
  readonly accountClaim: string
  readonly now: () => number
  /** Stands in for names without `@`; null refuses them. */
  readonly defaultDomain: string | null
  /** `off` lifts every limit that goes by address. */
  readonly limits?: Partial<ThrottleLimits> | 'off'
  /** Told of every decided login. Must not throw. */
  readonly onLogin?: (event: LoginEvent) => void
}

/** Decides who gets in with a token. */
export interface BearerAuthenticator {
  /**
   * Checks a token, and that the account it speaks for is the one that was asked for. Never rejects. Folder, `recent:`
   * and an existing `+device=NAME` of the name are honoured; without a device the view is `classic`.
   */
  login(request: BearerRequest): Promise<BearerOutcome>
  /** Who is slowed down now, and the way to forgive. Apart from passwords: a stale token locks no password out. */
  readonly throttle: Pick<Throttle, 'list' | 'clear'>
}

type Failed = Extract<LoginOutcome, { failed: LoginFailure }>

/** A token refused once is not asked about again for so long. */
const REFUSED_MS = 60_000

function failed(kind: LoginFailure, detail: string, more: Omit<Failed, 'failed' | 'detail'> = {}): Failed {
  return { failed: kind, detail, ...more }
}

/** Makes a bearer authenticator. One per process, so that its throttle is shared. */
export function createBearerAuthenticator(options: BearerOptions): BearerAuthenticator {
  const { directory, verifier, now, defaultDomain } = options
  const throttle = createThrottle(
    options.limits === 'off' ? null : { ...THROTTLE_DEFAULTS, ...options.limits },
    now,
  )
  const key = randomBytes(32)

  /** The account a token speaks for; the claim must be an address, never a login name with a folder in it. */
  async function accountOf(claims: TokenClaims): Promise<Account | string> {
    const claim = claims[options.accountClaim]
    if (typeof claim !== 'string' || claim === '') return 'no-account-claim'
    if (options.accountClaim === 'email' && /^false$/i.test(String(claims['email_verified'] ?? '')))
      return 'unverified-email'
    if (!claim.includes('@') && defaultDomain === null) return 'no-account-claim'
    const path = parsePath(claim.includes('@') ? claim : `${claim}@${defaultDomain}`)
    const account = path === null ? null : await directory.accountByAddress(canonicalAddress(path))
    return account ?? 'unknown-account'
  }

  /** The login, or the fixed word of what is wrong. */
  async function decide(name: LoginName | null, token: string): Promise<Login | string> {
    const outcome = await verifier.verify(token)
    if ('refused' in outcome) return outcome.refused
    const account = await accountOf(outcome.claims)
    if (typeof account === 'string') return account
    if (name !== null && name.address !== account.address) return 'other-account'
    const device = name?.device ?? ''
    if (device !== '') {
      const credentials = await directory.credentials(account.id)
      if (!credentials.some((each) => each.device === device)) return 'unknown-device'
    }
    const view = name?.view ?? (device === '' ? 'classic' : deviceView(device))
    return { account, device, key: { account: account.id, folder: name?.folder ?? INBOX, view } }
  }

  async function attempt(name: LoginName | null, request: BearerRequest): Promise<LoginOutcome> {
    const address = name?.address ?? ''
    const admitted = throttle.admit(request.remote, address)
    if ('retryAfterMs' in admitted)
      return failed('throttled', 'too-many-failures', { retryAfterMs: admitted.retryAfterMs })
    const { attempt } = admitted
    const tag = createHmac('sha256', key).update(request.token).digest('base64')
    const epoch = String(Math.floor(now() / REFUSED_MS))
    if (throttle.isKnownWrong(request.remote, address, tag, epoch)) {
      attempt.abandoned()
      return failed('auth', 'repeated-wrong-token')
    }
    try {
      const login = await decide(name, request.token)
      if (typeof login === 'string') {
        attempt.failed(tag, epoch)
        return failed('auth', login)
      }
      attempt.succeeded()
      return { ok: login }
    } catch (error) {
      attempt.abandoned()
      return failed('unavailable', error instanceof IssuerError ? 'issuer' : 'directory', { cause: error })
    }
  }

  function challengeFor(mechanism: BearerMechanism, detail: string): string {
    const told = {
      status:
        detail === 'insufficient-scope'
          ? 'insufficient_scope'
          : mechanism === 'XOAUTH2'
            ? '401'
            : 'invalid_token',
      schemes: 'bearer',
      ...(options.scope === null ? {} : { scope: options.scope }),
      'openid-configuration': `${options.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    }
    return JSON.stringify(told).replace(
      /[^ -~]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
  }

  return {
    throttle: { list: throttle.list, clear: throttle.clear },
    async login(request) {
      const { service, mechanism, remote, signal } = request
      const name = request.name === '' ? null : parseLoginName(request.name, { defaultDomain })
      const outcome =
        request.name !== '' && name === null
          ? failed('auth', 'bad-name')
          : await whileWanted(attempt(name, request), signal)
      options.onLogin?.({
        service,
        mechanism,
        remote,
        address: ('ok' in outcome ? outcome.ok.account.address : name?.address) ?? null,
        outcome: 'ok' in outcome ? 'ok' : outcome.failed,
        detail: 'ok' in outcome ? 'token' : outcome.detail,
      })
      return 'failed' in outcome && outcome.failed === 'auth'
        ? { ...outcome, challenge: challengeFor(mechanism, outcome.detail) }
        : outcome
    },
  }
}

/** The outcome, or `cancelled` once nobody waits for it. */
function whileWanted(outcome: Promise<LoginOutcome>, signal: AbortSignal | undefined): Promise<LoginOutcome> {
  if (signal === undefined) return outcome
  const left = failed('cancelled', 'nobody-waits')
  return new Promise((resolve) => {
    const leave = (): void => resolve(left)
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave, { once: true })
    void outcome.then((decided) => {
      signal.removeEventListener('abort', leave)
      resolve(decided)
    })
  })
}
