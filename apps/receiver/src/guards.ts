import { join } from 'node:path'
import { type MailChecks, openMailChecks } from '@restante/filter'
import { type Config, errorFields, type RoleContext } from '@restante/runtime'
import type { Resolver } from '@restante/trust'
import { createClientRates } from '@restante/trust/rates'
import { createDoor, type Door, type DoorParts } from './door.ts'
import { openGreylistMemory } from './greylist-memory.ts'

/** What looks at strangers and their mail, as the settings ask for it. */
export interface Guards {
  readonly door: Door
  /** Null: neither DNS nor clamd is asked. */
  readonly checks: MailChecks | null
  close(): Promise<void>
}

const MINUTE_MS = 60_000

/**
 * Opens them. Where DNS, clamd and greylisting are off, nothing of theirs is loaded.
 * @param current the settings in force
 * @param resolver in place of the one `dns` asks for
 * @throws {Error} for a name server or a list that cannot be
 */
export async function openGuards(
  config: Config,
  { log, now }: RoleContext,
  current: () => Config,
  resolver?: Resolver,
): Promise<Guards> {
  const { dns, smtpIn, spam, limits } = config
  const checks =
    dns === 'off' && spam.clamd === null
      ? null
      : await openMailChecks({
          hostname: config.hostname,
          dns: resolver ?? dns,
          lists: smtpIn.dnsLists,
          clamd: spam.clamd,
          deadlineMs: spam.judgeTimeoutMs,
          onAlarm: (alarm) => log.warn('list-off', { ...alarm }),
          onCrash: (detail) => log.error('authentication-crashed', { detail }),
        })
  const greylisting =
    smtpIn.greylist === 'off' ? null : await openGreylisting(config, now, checks?.asksDns ?? false, log)
  const { mailsPerMinute, networkMailsPerMinute } = limits
  const rate = (max: number | null) => ({ max: max ?? Number.MAX_SAFE_INTEGER, windowMs: MINUTE_MS })
  const rates =
    limits.perAddress && (mailsPerMinute !== null || networkMailsPerMinute !== null)
      ? createClientRates({ address: rate(mailsPerMinute), network: rate(networkMailsPerMinute) })
      : null
  return {
    checks,
    door: createDoor({ checks, greylisting, rates, config: current, log, now }),
    async close() {
      greylisting?.memory.close()
      await checks?.close()
    },
  }
}

async function openGreylisting(
  { smtpIn, store }: Config,
  now: () => number,
  asksDns: boolean,
  log: RoleContext['log'],
): Promise<DoorParts['greylisting']> {
  const { greylist, GREYLIST_DEFAULTS } = await import('@restante/trust')
  const memory = openGreylistMemory({
    file: join(store.directory, 'greylist.db'),
    rememberMs: GREYLIST_DEFAULTS.rememberMs,
    now,
    onError: (error) => log.error('greylist-failed', errorFields(error)),
  })
  // Without DNS nobody can be told from anybody, so all strangers wait.
  const onlySuspicious = smtpIn.greylist === 'on' && asksDns
  return { judge: greylist, memory, policy: { delayMs: smtpIn.greylistDelayMs, onlySuspicious } }
}
