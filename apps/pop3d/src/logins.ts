import {
  type Authenticator,
  type BearerAuthenticator,
  createBearerAuthenticator,
  createIntrospection,
  createSignatureCheck,
  type LoginEvent,
  type LoginOutcome,
  type TokenVerifier,
} from '@restante/accounts'
import type { Directory, MaildropKey } from '@restante/maildrop'
import type { Authenticate, LoginResult, ScramSource } from '@restante/pop3-server'
import type { Config, OAuthConfig } from '@restante/runtime'
import type { LoginDelay } from './login-delay.ts'

/** Who decides about logins, and what is done with the decision. */
export interface Logins {
  readonly authenticator: Authenticator
  /** Null where no issuer of tokens is configured. */
  readonly bearer: BearerAuthenticator | null
  readonly delay: LoginDelay
  /** Told why nothing could be decided. */
  readonly onOutage: (cause: unknown) => void
}

/** Who checks access tokens; null where no issuer is configured. */
export function bearerOf(
  config: Config,
  directory: Directory,
  now: () => number,
  onLogin: (event: LoginEvent) => void,
): BearerAuthenticator | null {
  const { oauth } = config.auth
  if (oauth === null) return null
  return createBearerAuthenticator({
    directory,
    verifier: verifierOf(oauth, now),
    issuer: oauth.issuer,
    scope: oauth.scope,
    accountClaim: oauth.accountClaim,
    now,
    defaultDomain: config.pop3.defaultDomain ?? config.domains[0] ?? null,
    ...(config.limits.perAddress ? {} : { limits: 'off' as const }),
    onLogin,
  })
}

function verifierOf(oauth: OAuthConfig, now: () => number): TokenVerifier {
  const { issuer, audience, scope, clockSkewMs, timeoutMs, introspection, jwks } = oauth
  const rules = { issuer, scope, clockSkewMs, timeoutMs, now }
  if (introspection !== null) return createIntrospection({ ...rules, audience, ...introspection })
  if (jwks !== null && audience !== null) return createSignatureCheck({ ...rules, audience, url: jwks.url })
  throw new Error('auth.oauth has neither introspection nor jwks with an audience')
}

/** The server's question about a password or a token. */
export function authenticateBy(logins: Logins): Authenticate<MaildropKey> {
  return async (request, { signal }) => {
    const source = { name: request.name, remote: request.remoteAddress, service: 'pop3', signal } as const
    switch (request.mechanism) {
      case 'USER':
      case 'PLAIN':
      case 'LOGIN': {
        const { mechanism, password } = request
        return resultOf(await logins.authenticator.login({ ...source, mechanism, secret: password }), logins)
      }
      case 'OAUTHBEARER':
      case 'XOAUTH2': {
        if (logins.bearer === null) return null
        const { mechanism, token } = request
        const outcome = await logins.bearer.login({ ...source, mechanism, token })
        if (outcome.challenge !== undefined) return { failed: 'auth', challenge: outcome.challenge }
        return resultOf(outcome, logins)
      }
      default:
        // SCRAM is settled by its own source.
        return null
    }
  }
}

/** The server's question about a SCRAM name. */
export function scramSource(logins: Logins): ScramSource<MaildropKey> {
  return {
    async credentials(name, { mechanism, remoteAddress, signal }) {
      const begun = await logins.authenticator.scram({
        mechanism,
        name,
        remote: remoteAddress,
        service: 'pop3',
        signal,
      })
      if ('failed' in begun) return { failed: begun.failed === 'auth' ? 'auth' : 'sys-temp' }
      return {
        ...begun.verifier,
        settle: async (proven) => resultOf(await begun.settle(proven), logins),
      }
    },
  }
}

function resultOf(outcome: LoginOutcome, { delay, onOutage }: Logins): LoginResult<MaildropKey> {
  if ('failed' in outcome) {
    if (outcome.failed === 'unavailable') onOutage(outcome.cause)
    return outcome.failed === 'auth' ? null : { failed: 'sys-temp' }
  }
  const { key, account } = outcome.ok
  // Said only to who proved himself: strangers do not learn when somebody polled.
  return delay.allows(key) ? { maildrop: key, account: account.address } : { failed: 'login-delay' }
}
