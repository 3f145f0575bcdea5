import type { RecipientResolver } from '@restante/accounts'
import { canonicalAddress, fillReply, formatPath, REPLIES, type Reply } from '@restante/mail'
import type { Account, Delivery, Directory } from '@restante/maildrop'
import type { MailEvidence, RcptEvidence } from '@restante/smtp'

/** MAIL: is there room for what the peer announced, and does whoever logged in own the address? */
export async function decideSender(
  evidence: MailEvidence,
  store: Delivery,
  resolver: RecipientResolver,
): Promise<Reply | null> {
  if (!store.hasRoomFor(evidence.parameters.sizeOctets ?? 0)) return REPLIES['disk-full']
  const { authenticatedAs } = evidence.session
  if (authenticatedAs === null || evidence.reversePath === null) return null
  const found = await resolver.resolve(evidence.reversePath)
  const owned = 'deliver' in found && found.deliver.some(({ account }) => account.address === authenticatedAs)
  return owned ? null : fillReply(REPLIES['sender-not-yours'], { account: authenticatedAs })
}

/**
 * A resolver to which `Postmaster@` our own host name, which is what a bare `<Postmaster>` comes as (RFC 5321 §4.5.1),
 * is our postmaster, whether or not the host name is a mail domain.
 */
export function withBarePostmaster(resolver: RecipientResolver, hostname: string): RecipientResolver {
  return {
    resolve: ({ localPart, domain }) =>
      localPart.toLowerCase() === 'postmaster' && domain.toLowerCase() === hostname.toLowerCase()
        ? resolver.resolve({ localPart, domain: '' })
        : resolver.resolve({ localPart, domain }),
  }
}

/**
 * RCPT: everything that could go wrong later for this recipient is decided here, so that nothing ever bounces: whether
 * the address is ours, whether somebody is behind it, whether there is room in the mailbox.
 */
export async function decideRecipient(
  evidence: RcptEvidence,
  resolver: RecipientResolver,
  directory: Directory,
): Promise<Reply | null> {
  const { recipient } = evidence
  const { authenticatedAs } = evidence.session
  const foreign = fillReply(REPLIES[authenticatedAs === null ? 'relay-denied' : 'outgoing-off'], {
    domain: recipient.domain,
  })
  const found = await resolver.resolve(recipient)
  if ('notLocal' in found) return foreign
  if ('unknown' in found) return fillReply(REPLIES['unknown-recipient'], { address: formatPath(recipient) })
  if ('loop' in found) return fillReply(REPLIES['alias-loop'], { address: formatPath(recipient) })
  // Only foreign targets: nobody here would keep it, and there is no outgoing side to hand it to.
  if (found.deliver.length === 0) return foreign
  const sizeOctets = evidence.parameters.sizeOctets ?? 0
  const rooms = await Promise.all(found.deliver.map(({ account }) => hasRoom(account, sizeOctets, directory)))
  return rooms.some(Boolean)
    ? null
    : fillReply(REPLIES['over-quota'], { address: canonicalAddress(recipient) })
}

/** Whether a message of that size fits. An account at its quota takes nothing more, as the store sees it too. */
export async function hasRoom(account: Account, sizeOctets: number, directory: Directory): Promise<boolean> {
  if (account.quotaOctets === null && account.quotaMessages === null) return true
  const usage = await directory.usage(account.id)
  const fits =
    account.quotaOctets === null ||
    (usage.octets < account.quotaOctets && usage.octets + sizeOctets <= account.quotaOctets)
  return fits && (account.quotaMessages === null || usage.messages < account.quotaMessages)
}
