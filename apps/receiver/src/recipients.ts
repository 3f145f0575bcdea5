import type { RecipientResolver } from '@restante/accounts'
import { canonicalAddress, fillReply, formatPath, REPLIES, type Reply } from '@restante/mail'
import type { Account, Delivery, Directory } from '@restante/maildrop'
import type { MailEvidence, RcptEvidence } from '@restante/smtp'

/** MAIL: is there room for what the peer announced? */
export function decideSender(evidence: MailEvidence, store: Delivery): Reply | null {
  return store.hasRoomFor(evidence.parameters.sizeOctets ?? 0) ? null : REPLIES['disk-full']
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
  const found = await resolver.resolve(recipient)
  if ('notLocal' in found) return fillReply(REPLIES['relay-denied'], { domain: recipient.domain })
  if ('unknown' in found) return fillReply(REPLIES['unknown-recipient'], { address: formatPath(recipient) })
  if ('loop' in found) return fillReply(REPLIES['alias-loop'], { address: formatPath(recipient) })
  // Only foreign targets: nobody here would keep it, and there is no outgoing side to hand it to.
  if (found.deliver.length === 0) return fillReply(REPLIES['relay-denied'], { domain: recipient.domain })
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
