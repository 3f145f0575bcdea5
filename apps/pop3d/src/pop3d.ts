import { readFileSync } from 'node:fs'
import {
  type Authenticator,
  createAuthenticator,
  hasScramCredentials,
  type LoginOutcome,
} from '@restante/accounts'
import type { MaildropKey } from '@restante/maildrop'
import {
  createPop3Server,
  type LoginRequest,
  type LoginResult,
  type Pop3Event,
  type ScramSource,
  type TlsSettings,
} from '@restante/pop3-server'
import {
  type Config,
  errorFields,
  type Listen,
  ListenError,
  type Log,
  type RoleContext,
  type RunningRole,
} from '@restante/runtime'
import { openLocalStore } from '@restante/store-local'
import { installationKey } from './installation-key.ts'

/** The port is closed meanwhile: long enough for a poll to end, no longer. */
const DRAIN_MS = 5_000

/** The POP3 role: hands out what is stored, exactly as it is stored. */
export async function startPop3d(config: Config, context: RoleContext): Promise<RunningRole> {
  const { log } = context
  const store = await openLocalStore({
    directory: config.store.directory,
    floorOctets: config.store.floorOctets,
    removeAfter: config.pop3.removeAfter,
  })
  const promised = await store.promisedDays()
  const authenticator = createAuthenticator({
    directory: store.directory,
    now: context.now,
    defaultDomain: config.pop3.defaultDomain ?? config.domains[0] ?? null,
    installationKey: installationKey(config.store.directory),
    ...(config.limits.perAddress ? {} : { limits: 'off' as const }),
    onLogin: (event) => log.info('login', { ...event }),
  })
  const server = createPop3Server<MaildropKey>({
    store,
    authenticate: (request, { signal }) => authenticate(authenticator, request, signal),
    ...((await hasScramCredentials(store.directory)) ? { scram: scramSource(authenticator) } : {}),
    ...(config.tls === null ? {} : { tls: readCertificate(config) }),
    allowPlainLogin: config.pop3.plainLogin,
    utf8: config.pop3.utf8 === 'strict' ? 'strict' : 'lenient',
    expire: { days: promised.days ?? 'never', perUser: promised.perAccount },
    limits: {
      idleMs: config.pop3.idleMs,
      connections: config.limits.connections,
      ...(config.limits.perAddress
        ? {}
        : { connectionsPerAddress: config.limits.connections, errorDelayMs: 0, errorDelayMostMs: 0 }),
    },
    onEvent: (event) => logEvent(log, event),
  })
  const ports: Record<string, number> = {}
  const listen = async (name: 'pop3' | 'pop3s', where: Listen | null): Promise<void> => {
    if (where === null) return
    try {
      ports[name] = (await server.listen({ ...where, tls: name === 'pop3s' ? 'implicit' : 'stls' })).port
    } catch (error) {
      await server.close()
      await store[Symbol.asyncDispose]()
      throw new ListenError(error, where, `listen.${name}.port`)
    }
  }
  await listen('pop3', config.listen.pop3)
  await listen('pop3s', config.listen.pop3s)
  let current = config
  return {
    ports,
    async reload(changed) {
      // First: a certificate that cannot be read leaves everything as it was.
      if (changed.tls) server.setTls(readCertificate(changed))
      const restartFor = (['pop3', 'pop3s'] as const)
        .filter((name) => JSON.stringify(changed.listen[name]) !== JSON.stringify(current.listen[name]))
        .map((name) => `listen.${name}`)
      if (JSON.stringify(changed.pop3) !== JSON.stringify(current.pop3)) restartFor.push('pop3')
      current = changed
      log.info('reloaded', { restartFor: restartFor.join(',') })
      return restartFor
    },
    async stop() {
      await server.close({ drainMs: DRAIN_MS })
      await store[Symbol.asyncDispose]()
    },
  }
}

async function authenticate(
  authenticator: Authenticator,
  request: LoginRequest,
  signal: AbortSignal,
): Promise<LoginResult<MaildropKey>> {
  if (request.mechanism !== 'USER' && request.mechanism !== 'PLAIN' && request.mechanism !== 'LOGIN')
    return null
  return resultOf(
    await authenticator.login({
      mechanism: request.mechanism,
      name: request.name,
      secret: request.password,
      remote: request.remoteAddress,
      service: 'pop3',
      signal,
    }),
  )
}

function scramSource(authenticator: Authenticator): ScramSource<MaildropKey> {
  return {
    async credentials(name, { mechanism, remoteAddress, signal }) {
      const begun = await authenticator.scram({
        mechanism,
        name,
        remote: remoteAddress,
        service: 'pop3',
        signal,
      })
      if ('failed' in begun) return { failed: begun.failed === 'auth' ? 'auth' : 'sys-temp' }
      return { ...begun.verifier, settle: async (proven) => resultOf(await begun.settle(proven)) }
    },
  }
}

function resultOf(outcome: LoginOutcome): LoginResult<MaildropKey> {
  if ('ok' in outcome) return { maildrop: outcome.ok.key, account: outcome.ok.account.address }
  return outcome.failed === 'auth' ? null : { failed: 'sys-temp' }
}

function readCertificate(config: Config): TlsSettings {
  if (config.tls === null) throw new Error('no certificate is configured')
  return { cert: readFileSync(config.tls.cert, 'utf8'), key: readFileSync(config.tls.key, 'utf8') }
}

function logEvent(log: Log, event: Pop3Event): void {
  const { session } = event
  const about = { session: session.id, remote: session.remoteAddress, account: session.account }
  switch (event.type) {
    case 'session-end': {
      const { reason, durationMs, octetsIn, octetsOut, messages, retrieved, retrievedOctets, deleted } = event
      const tls = session.tls === null ? null : session.tls.protocol
      log.info('pop3-session', {
        ...about,
        tls,
        reason,
        durationMs: Math.round(durationMs),
        octetsIn,
        octetsOut,
        messages,
        retrieved,
        retrievedOctets,
        deleted,
      })
      return
    }
    case 'error':
      log.error('pop3-fault', { ...about, place: event.place, ...errorFields(event.error) })
      return
    case 'refused':
      log.warn('pop3-refused', { ...about, reason: event.reason })
      return
    case 'retrieved':
      log.debug('retrieved', { ...about, id: event.uniqueId, sizeOctets: event.sizeOctets })
      return
    case 'deleted':
      log.debug('deleted', { ...about, ids: event.uniqueIds.join(',') })
      return
    default:
  }
}
