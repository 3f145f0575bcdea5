import { readFileSync } from 'node:fs'
import {
  type Authenticator,
  createAuthenticator,
  createRecipientResolver,
  throttleControls,
} from '@restante/accounts'
import { createJudgePool, followModel, type JudgePool, type ModelFollower } from '@restante/filter'
import { REPLIES, type Reply } from '@restante/mail'
import {
  type Config,
  errorFields,
  ListenError,
  type Log,
  type RoleContext,
  type RunningRole,
} from '@restante/runtime'
import {
  type Credentials,
  createSmtpServer,
  type Mode,
  type SmtpEvent,
  type SmtpServer,
} from '@restante/smtp'
import { openLocalStore } from '@restante/store-local'
import type { Resolver } from '@restante/trust'
import { type Guards, openGuards } from './guards.ts'
import { createReception } from './reception.ts'
import { decideRecipient, decideSender, withBarePostmaster } from './recipients.ts'

const DRAIN_MS = 15_000
const JUDGE_WORKERS = 1

interface Listener {
  readonly name: 'smtp' | 'lmtp' | 'submission' | 'submissions'
  readonly mode: Mode
  readonly implicitTls: boolean
}

const LISTENERS: readonly Listener[] = [
  { name: 'smtp', mode: 'smtp', implicitTls: false },
  { name: 'lmtp', mode: 'lmtp', implicitTls: false },
  { name: 'submission', mode: 'submission', implicitTls: false },
  { name: 'submissions', mode: 'submission', implicitTls: true },
]

/**
 * The receiver role: takes mail by SMTP, has it judged, stores it, and only then says so.
 * @param dns asked in place of the servers the settings name, where they name any
 */
export async function startReceiver(
  config: Config,
  context: RoleContext,
  dns?: Resolver,
): Promise<RunningRole> {
  const { log } = context
  const store = await openLocalStore({
    directory: config.store.directory,
    floorOctets: config.store.floorOctets,
  })
  const resolver = withBarePostmaster(
    createRecipientResolver({
      directory: store.directory,
      now: context.now,
      plusFolders: config.smtpIn.plusAddressFolders,
      ...(config.postmaster === null ? {} : { postmaster: config.postmaster }),
    }),
    config.hostname,
  )
  let current = config
  let guards: Guards
  try {
    guards = await openGuards(config, context, () => current, dns)
  } catch (error) {
    await store[Symbol.asyncDispose]()
    throw error
  }
  const { door, checks } = guards
  let pool: JudgePool | null = null
  let follower: ModelFollower | null = null
  if (config.spam.filter) {
    pool = createJudgePool({
      workers: JUDGE_WORKERS,
      deadlineMs: config.spam.judgeTimeoutMs,
      onCrash: (detail) => log.error('judge-crashed', { detail }),
    })
    follower = await followModel(store.learning, pool, {
      onError: (error) => log.error('model-following-failed', errorFields(error)),
    })
  }
  let listening = false
  const { limits } = config
  const authenticator = createAuthenticator({
    directory: store.directory,
    now: context.now,
    defaultDomain: config.pop3.defaultDomain ?? config.domains[0] ?? null,
    ...(limits.perAddress ? {} : { limits: 'off' as const }),
    onLogin: (event) => log.info('login', { ...event }),
  })
  const data = createReception({ store, resolver, pool, checks, door, config: () => current, log })
  const serverFor = ({ mode, implicitTls }: Listener): SmtpServer =>
    createSmtpServer({
      mode,
      implicitTls,
      hostname: config.hostname,
      ...(config.tls === null ? {} : { tls: readCertificate(config) }),
      lineEnds: config.smtpIn.lineEnds,
      trustedProxies: config.smtpIn.proxyFrom,
      xclientFrom: config.smtpIn.xclientFrom,
      ...(mode === 'submission'
        ? {
            auth: (credentials: Credentials) => logIn(authenticator, credentials),
            authWithoutTls: config.pop3.plainLogin,
          }
        : {}),
      limits: {
        messageOctets: config.smtpIn.maxSizeOctets,
        recipients: config.smtpIn.maxRecipients,
        connections: limits.connections,
        ...(limits.perAddress
          ? {}
          : {
              connectionsPerAddress: null,
              connectionsPerAddressPerMinute: null,
              errorsPerAddress: null,
              errorDelayMs: 0,
            }),
      },
      policy: {
        ...(checks?.asksDns === true ? { helo: door.greet } : {}),
        mail: async (evidence) => (await decideSender(evidence, store, resolver)) ?? door.mail(evidence),
        rcpt: async (evidence) =>
          (await decideRecipient(evidence, resolver, store.directory)) ?? (await door.rcpt(evidence)),
      },
      data,
      // A failure to listen is told by who asked for it.
      onEvent: (event) => (listening || event.event !== 'fault') && logEvent(log, event),
    })

  const servers: SmtpServer[] = []
  const ports: Record<string, number> = {}
  const release = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.close({ drainMs: DRAIN_MS })))
    follower?.stop()
    await pool?.close()
    await guards.close()
    await store[Symbol.asyncDispose]()
  }
  for (const listener of LISTENERS) {
    const where = config.listen[listener.name]
    if (where === null) continue
    const server = serverFor(listener)
    servers.push(server)
    try {
      ports[listener.name] = (await server.listen(where)).port
    } catch (error) {
      await release()
      throw new ListenError(error, where, `listen.${listener.name}.port`)
    }
  }
  listening = true
  return {
    ports,
    controls: throttleControls(authenticator.throttle),
    async reload(changed) {
      // First: a certificate that cannot be read leaves everything as it was.
      if (changed.tls) {
        const certificate = readCertificate(changed)
        for (const server of servers) server.setTls(certificate)
      }
      const restartFor = LISTENERS.filter(({ name }) =>
        differs(changed.listen[name], current.listen[name]),
      ).map(({ name }) => `listen.${name}`)
      if (differs(changed.smtpIn, current.smtpIn)) restartFor.push('smtp_in')
      if (changed.hostname !== current.hostname) restartFor.push('hostname')
      if (differs(changed.dns, current.dns)) restartFor.push('dns')
      if (differs(changed.spam.clamd, current.spam.clamd)) restartFor.push('spam.clamd')
      if (differs(changed.limits, current.limits)) restartFor.push('limits')
      if (changed.spam.filter !== current.spam.filter) restartFor.push('spam.filter')
      current = changed
      log.info('reloaded', { restartFor: restartFor.join(',') })
      return restartFor
    },
    stop: release,
  }
}

function differs(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) !== JSON.stringify(b)
}

/** AUTH on a submission listener: the account password or a device's. */
async function logIn(
  authenticator: Authenticator,
  { mechanism, name, password, remote, signal }: Credentials,
): Promise<{ readonly account: string } | Reply | null> {
  const outcome = await authenticator.login({
    mechanism,
    name,
    secret: password,
    remote,
    service: 'smtp',
    signal,
  })
  if ('ok' in outcome) return { account: outcome.ok.account.address }
  return outcome.failed === 'auth' ? null : REPLIES['login-unavailable']
}

function readCertificate(config: Config): { readonly cert: string; readonly key: string } {
  if (config.tls === null) throw new Error('no certificate is configured')
  return { cert: readFileSync(config.tls.cert, 'utf8'), key: readFileSync(config.tls.key, 'utf8') }
}

function logEvent(log: Log, event: SmtpEvent): void {
  const { event: type, ...fields } = event
  const plain: Record<string, string | number | boolean | null> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    if (value instanceof Error) Object.assign(plain, errorFields(value))
    else if (typeof value === 'number') plain[name] = Math.round(value)
    else plain[name] = typeof value === 'object' && value !== null ? JSON.stringify(value) : (value as string)
  }
  if (type === 'fault') log.error('smtp-fault', plain)
  else if (type === 'connection') log.debug('smtp-connection', plain)
  else log.info(`smtp-${type}`, plain)
}
