import type { Envelope } from '@restante/mail'
import type { MaildropStore } from '@restante/maildrop'
import { openLocalStore } from '@restante/store-local'

/** A group of accounts that have the same mail: `NAME0`, `NAME1` and so on at {@link DOMAIN}. */
export interface Maildrops {
  readonly name: string
  readonly accounts: number
  readonly messages: number
  readonly sizeOctets: number
}

/** The domain all bench accounts are in. */
export const DOMAIN = 'bench.test'

/** The login names of a group. */
export function loginsOf({ name, accounts }: Pick<Maildrops, 'name' | 'accounts'>): readonly string[] {
  return Array.from({ length: accounts }, (_, index) => `${name}${index}`)
}

/** Deliveries under way at once while filling. */
const AT_ONCE = 64

/** An envelope as of mail that came in on this machine. */
export function localEnvelope(receivedAtMs: number): Envelope {
  return {
    reversePath: null,
    recipients: [],
    clientIp: '',
    helo: '',
    receivedAtMs,
    protocol: 'local',
    tls: null,
    authenticatedAs: null,
    sessionId: 'bench',
  }
}

/** The id of an account, made where it is missing. */
export async function accountOf(store: MaildropStore, address: string): Promise<string> {
  const account =
    (await store.directory.accountByAddress(address)) ?? (await store.directory.addAccount(address))
  if (!account) throw new Error(`no account can be made for ${address}`)
  return account.id
}

/** Fills a store with maildrops, octet for octet what `message` gives; nothing may have it open. */
export async function fillStore(
  directory: string,
  groups: readonly Maildrops[],
  message: (group: Maildrops, index: number) => Buffer,
): Promise<void> {
  await using store = await openLocalStore({ directory })
  const none = new Uint8Array(0)
  for (const group of groups) {
    for (const login of loginsOf(group)) {
      const account = await accountOf(store, `${login}@${DOMAIN}`)
      let begun = 0
      const slot = async (): Promise<void> => {
        while (begun < group.messages) {
          const index = begun++
          const staged = await store.stage(message(group, index))
          const [outcome] = await staged.commit(localEnvelope(1_790_000_000_000 + index), [
            { account, folder: 'inbox', prefix: none },
          ])
          if (!outcome || 'failed' in outcome) throw new Error(`filling ${login}: ${outcome?.failed}`)
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, slot))
    }
  }
}

/** Messages stored for all accounts, in whatever folder. */
export async function countStored(directory: string): Promise<number> {
  await using store = await openLocalStore({ directory })
  let count = 0
  for (const { id } of await store.directory.accounts()) count += (await store.directory.usage(id)).messages
  return count
}
