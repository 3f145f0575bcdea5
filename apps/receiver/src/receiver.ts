import { readFileSync } from 'node:fs'
import { createRecipientResolver } from '@restante/accounts'
import { createJudgePool, followModel, type JudgePool, type ModelFollower } from '@restante/filter'
import {
  type Config,
  errorFields,
  ListenError,
  type Log,
  type RoleContext,
  type RunningRole,
} from '@restante/runtime'
import { createSmtpServer, type SmtpEvent } from '@restante/smtp'
import { openLocalStore } from '@restante/store-local'
import { createReception } from './reception.ts'
import { decideRecipient, decideSender } from './recipients.ts'

const DRAIN_MS = 15_000
const JUDGE_WORKERS = 1

/** The receiver role: takes mail by SMTP, has it judged, stores it, and only then says so. */
export async function startReceiver(config: Config, context: RoleContext): Promise<RunningRole> {
  const { log } = context
  const store = await openLocalStore({
    directory: config.store.directory,
    floorOctets: config.store.floorOctets,
  })
  const resolver = createRecipientResolver({
    directory: store.directory,
    now: context.now,
    plusFolders: config.smtpIn.plusAddressFolders,
    ...(config.postmaster === null ? {} : { postmaster: config.postmaster }),
  })
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
  let current = config
  let listening = false
  const { limits } = config
  const server = createSmtpServer({
    mode: 'smtp',
    hostname: config.hostname,
    ...(config.tls === null ? {} : { tls: readCertificate(config) }),
    lineEnds: config.smtpIn.lineEnds,
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
      mail: (evidence) => decideSender(evidence, store),
      rcpt: (evidence) => decideRecipient(evidence, resolver, store.directory),
    },
    data: createReception({ store, resolver, pool, config: () => current, log }),
    // A failure to listen is told by who asked for it.
    onEvent: (event) => (listening || event.event !== 'fault') && logEvent(log, event),
  })
  const ports: Record<string, number> = {}
  if (config.listen.smtp) {
    try {
      ports['smtp'] = (await server.listen(config.listen.smtp)).port
    } catch (error) {
      follower?.stop()
      await pool?.close()
      await store[Symbol.asyncDispose]()
      throw new ListenError(error, config.listen.smtp, 'listen.smtp.port')
    }
  }
  listening = true
  return {
    ports,
    async reload(changed) {
      // First: a certificate that cannot be read leaves everything as it was.
      if (changed.tls) server.setTls(readCertificate(changed))
      const restartFor: string[] = []
      if (JSON.stringify(changed.listen.smtp) !== JSON.stringify(current.listen.smtp))
        restartFor.push('listen.smtp')
      if (JSON.stringify(changed.smtpIn) !== JSON.stringify(current.smtpIn)) restartFor.push('smtp_in')
      if (changed.hostname !== current.hostname) restartFor.push('hostname')
      if (changed.spam.filter !== current.spam.filter) restartFor.push('spam.filter')
      current = changed
      log.info('reloaded', { restartFor: restartFor.join(',') })
      return restartFor
    },
    async stop() {
      await server.close({ drainMs: DRAIN_MS })
      follower?.stop()
      await pool?.close()
      await store[Symbol.asyncDispose]()
    },
  }
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
