import { readFileSync } from 'node:fs'
import {
  createAuthenticator,
  hasScramCredentials,
  type LoginEvent,
  throttleControls,
} from '@restante/accounts'
import type { DeviceStore, MaildropKey } from '@restante/maildrop'
import { createPop3Server, type MaildropStore, type Pop3Event, type TlsSettings } from '@restante/pop3-server'
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
import { createLoginDelay, type LoginDelay } from './login-delay.ts'
import { authenticateBy, bearerOf, type Logins, scramSource } from './logins.ts'

/** The port is closed meanwhile: long enough for a poll to end, no longer. */
const DRAIN_MS = 5_000
/** Accounts may get a removal policy of their own at any time; CAPA knows this much later. */
const PROMISE_MS = 30_000

/** The POP3 role: hands out what is stored, exactly as it is stored. */
export async function startPop3d(config: Config, context: RoleContext): Promise<RunningRole> {
  const { log } = context
  const store = await openLocalStore({
    directory: config.store.directory,
    floorOctets: config.store.floorOctets,
    removeAfter: config.pop3.removeAfter,
  })
  const expire = await promiseOf(store)
  const onLogin = (event: LoginEvent): void => log.info('login', { ...event })
  const logins: Logins = {
    authenticator: createAuthenticator({
      directory: store.directory,
      now: context.now,
      defaultDomain: config.pop3.defaultDomain ?? config.domains[0] ?? null,
      installationKey: installationKey(config.store.directory),
      ...(config.limits.perAddress ? {} : { limits: 'off' as const }),
      onLogin,
    }),
    bearer: bearerOf(config, store.directory, context.now, onLogin),
    delay: createLoginDelay(config.pop3.loginDelayS, context.now),
    onOutage: (cause) => log.error('login-outage', errorFields(cause)),
  }
  const server = createPop3Server<MaildropKey>({
    store: withLoginDelay(store, logins.delay),
    authenticate: authenticateBy(logins),
    mechanisms: logins.bearer === null ? ['PLAIN', 'LOGIN'] : ['PLAIN', 'LOGIN', 'OAUTHBEARER', 'XOAUTH2'],
    ...((await hasScramCredentials(store.directory)) ? { scram: scramSource(logins) } : {}),
    ...(config.tls === null ? {} : { tls: readCertificate(config) }),
    allowPlainLogin: config.pop3.plainLogin,
    utf8: config.pop3.utf8 === 'strict' ? 'strict' : 'lenient',
    proxyFrom: config.pop3.proxyFrom,
    xclientFrom: config.pop3.xclientFrom,
    expire,
    ...(config.pop3.loginDelayS === 0 ? {} : { loginDelay: { seconds: config.pop3.loginDelayS } }),
    limits: {
      idleMs: config.pop3.idleMs,
      connections: config.limits.connections,
      ...(config.limits.perAddress
        ? {}
        : { connectionsPerAddress: config.limits.connections, errorDelayMs: 0, errorDelayMostMs: 0 }),
    },
    onEvent: (event) => logEvent(log, event),
  })
  const renewing = setInterval(() => {
    promiseOf(store).then(
      (renewed) => Object.assign(expire, renewed),
      (error: unknown) => log.error('pop3-fault', { place: 'promise', ...errorFields(error) }),
    )
  }, PROMISE_MS).unref()
  const ports: Record<string, number> = {}
  const listen = async (name: 'pop3' | 'pop3s', where: Listen | null): Promise<void> => {
    if (where === null) return
    try {
      ports[name] = (await server.listen({ ...where, tls: name === 'pop3s' ? 'implicit' : 'stls' })).port
    } catch (error) {
      clearInterval(renewing)
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
    controls: throttleControls(logins.authenticator.throttle),
    async reload(changed) {
      // First: a certificate that cannot be read leaves everything as it was.
      if (changed.tls) server.setTls(readCertificate(changed))
      const restartFor = (['pop3', 'pop3s'] as const)
        .filter((name) => JSON.stringify(changed.listen[name]) !== JSON.stringify(current.listen[name]))
        .map((name) => `listen.${name}`)
      if (JSON.stringify(changed.pop3) !== JSON.stringify(current.pop3)) restartFor.push('pop3')
      if (JSON.stringify(changed.auth) !== JSON.stringify(current.auth)) restartFor.push('auth')
      Object.assign(expire, await promiseOf(store))
      current = changed
      log.info('reloaded', { restartFor: restartFor.join(',') })
      return restartFor
    },
    async stop() {
      clearInterval(renewing)
      await server.close({ drainMs: DRAIN_MS })
      await store[Symbol.asyncDispose]()
    },
  }
}

/** What EXPIRE says: the smallest number of days any account is promised, or NEVER. Changed in place as policies change. */
async function promiseOf(
  store: Pick<DeviceStore, 'promisedDays'>,
): Promise<{ days: number | 'never'; perUser: boolean }> {
  const { days, perAccount } = await store.promisedDays()
  return { days: days ?? 'never', perUser: perAccount }
}

function withLoginDelay(store: MaildropStore<MaildropKey>, delay: LoginDelay): MaildropStore<MaildropKey> {
  return {
    async open(key, context) {
      const opened = await store.open(key, context)
      if ('maildrop' in opened) delay.opened(key)
      return opened
    },
  }
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
