import type { Envelope } from '@restante/mail'
import {
  type Account,
  isDeviceStore,
  type MaildropStore,
  QUARANTINE,
  RECOVERED,
  type StoredCopy,
} from '@restante/maildrop'

/** What {@link restoreAccount} did. */
export interface RestoredAccount {
  /** Whether the account had to be made again. */
  readonly made: boolean
  readonly restored: number
  /** Messages that were there already, or were removed and can be undeleted. */
  readonly present: number
  /** Messages there was no room for. */
  readonly failed: number
}

const ENVELOPE: Omit<Envelope, 'receivedAtMs'> = {
  reversePath: null,
  recipients: [],
  clientIp: '',
  helo: '',
  protocol: 'local',
  tls: null,
  authenticatedAs: null,
  sessionId: 'restore',
}

/**
 * Brings an account's mail back from another store. An account that is gone is made again with all it had, its
 * unique-ids included. Where it exists, what it no longer has comes back in folder `recovered`, so that no client
 * fetches again what its owner deleted; held mail goes back to the quarantine. Null where `from` knows no such account.
 */
export async function restoreAccount(
  from: MaildropStore,
  into: MaildropStore,
  address: string,
): Promise<RestoredAccount | null> {
  const old = await from.directory.accountByAddress(address)
  if (old === null) return null
  const found = await into.directory.accountByAddress(address)
  const account = found ?? (await makeAgain(from, into, old))
  if (account === null) return null
  const known = new Set<string>()
  for await (const { id } of into.copies(account.id)) known.add(id)
  let [restored, present, failed] = [0, 0, 0]
  for await (const copy of from.copies(old.id)) {
    const octets = known.has(copy.id) ? null : await from.read(copy)
    if (octets === null) {
      present++
      continue
    }
    const folder = found === null || copy.folder === QUARANTINE ? copy.folder : RECOVERED
    const [outcome] = await (await into.stage(octets)).commit(
      { ...ENVELOPE, receivedAtMs: copy.arrivedAtMs },
      [orderOf(copy, account, folder)],
    )
    if (outcome === undefined || ('failed' in outcome && outcome.failed !== 'duplicate-id')) failed++
    else if ('failed' in outcome) present++
    else restored++
  }
  return { made: found === null, restored, present, failed }
}

function orderOf(copy: StoredCopy, account: Account, folder: string) {
  return {
    account: account.id,
    folder,
    // The octets already begin with the prefix the copy had.
    prefix: new Uint8Array(0),
    id: copy.id,
    arrivedAtMs: copy.arrivedAtMs,
    ...(copy.hold === null ? {} : { hold: copy.hold }),
  }
}

async function makeAgain(from: MaildropStore, into: MaildropStore, old: Account): Promise<Account | null> {
  const credentials = await from.directory.credentials(old.id)
  const account = await into.directory.addAccount(old.address, credentials)
  if (account === null) return null
  if (isDeviceStore(from) && isDeviceStore(into)) {
    await into.setRemoveAfter(account.id, (await from.removeAfter(old.id)).own)
  }
  const { quotaOctets, quotaMessages, thresholds } = old
  return into.directory.changeAccount(account.id, { quotaOctets, quotaMessages, thresholds })
}
