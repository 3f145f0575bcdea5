import { randomBytes } from 'node:crypto'
import { concatOctets, type Envelope, type UniqueId } from '@restante/mail'
import type { CopyOutcome, MaildropKey, MaildropStore, OpenMaildrop } from '@restante/maildrop'

/** An envelope as the receiver would hand it over. */
export function envelope(receivedAtMs = Date.now()): Envelope {
  return {
    reversePath: null,
    recipients: [],
    clientIp: '192.0.2.1',
    helo: 'sender.example',
    receivedAtMs,
    protocol: 'ESMTP',
    tls: null,
    authenticatedAs: null,
    sessionId: 'test',
  }
}

/** A message of about that size whose octets do not compress into each other; in stored form. */
export function randomMessage(sizeOctets: number): Uint8Array {
  const head = Buffer.from(`Subject: ${randomBytes(8).toString('hex')}\r\n\r\n`)
  const text = randomBytes(Math.max(0, Math.ceil((sizeOctets * 3) / 4))).toString('base64')
  return Buffer.from(`${head.toString()}${text.replace(/.{76}/g, '$&\r\n')}\r\n`, 'latin1')
}

/** Stages and commits one copy. */
export async function deliver(
  store: MaildropStore,
  account: string,
  octets: Uint8Array,
  folder = 'inbox',
): Promise<CopyOutcome> {
  const staged = await store.stage(octets)
  const [outcome] = await staged.commit(envelope(), [{ account, folder, prefix: new Uint8Array(0) }])
  return outcome as CopyOutcome
}

/** Delivers and answers the id; throws where it was not stored. */
export async function deliverOne(
  store: MaildropStore,
  account: string,
  octets: Uint8Array,
  folder = 'inbox',
): Promise<UniqueId> {
  const outcome = await deliver(store, account, octets, folder)
  if ('failed' in outcome) throw new Error(outcome.failed)
  return outcome.stored.id
}

/** An account of that address, made where it is missing. */
export async function accountId(store: MaildropStore, address = 'anna@acme.example'): Promise<string> {
  const account =
    (await store.directory.accountByAddress(address)) ?? (await store.directory.addAccount(address))
  if (!account) throw new Error(`no account ${address}`)
  return account.id
}

export function inbox(account: string): MaildropKey {
  return { account, folder: 'inbox', view: 'classic' }
}

/** Opens a maildrop; throws where it does not open. */
export async function openMaildrop(store: MaildropStore, key: MaildropKey): Promise<OpenMaildrop> {
  const opened = await store.open(key)
  if ('failed' in opened) throw new Error(opened.failed)
  return opened.maildrop
}

/** The octets of a copy, or null. */
export async function octetsOf(store: MaildropStore, id: UniqueId): Promise<Uint8Array | null> {
  const chunks = await store.read(id)
  if (!chunks) return null
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return concatOctets(all)
}
