import type { ClientChecks, MailChecks, SenderChecks } from '@restante/filter'
import { canonicalAddress, fillReply, type Path, REPLIES, type Reply } from '@restante/mail'
import type { Config, Log } from '@restante/runtime'
import type { MailEvidence, RcptEvidence, SessionEvidence } from '@restante/smtp'
import type { GreylistPolicy, greylist } from '@restante/trust'
import { isPublicIp, parseIp } from '@restante/trust/addresses'
import type { ClientRates } from '@restante/trust/rates'
import type { GreylistMemory } from './greylist-memory.ts'

/** What was begun to be asked about a session before DATA. */
export interface AskedEarly {
  readonly client: ClientChecks
  readonly sender: SenderChecks
}

/** What the door needs; each part is null where the settings do not ask for it. */
export interface DoorParts {
  readonly checks: MailChecks | null
  readonly greylisting: {
    readonly judge: typeof greylist
    readonly memory: GreylistMemory
    readonly policy: Partial<GreylistPolicy>
  } | null
  readonly rates: ClientRates | null
  config(): Config
  readonly log: Log
  now(): number
}

/**
 * Who comes in, before DATA. Only strangers are looked at: whoever logged in, and a relay of our own behind LMTP, is
 * known. `postmaster@` and `abuse@` are open to everybody (RFC 5321 §4.5.1, RFC 2142).
 */
export interface Door {
  /** HELO: names and lists are asked while the peer goes on. */
  greet(session: SessionEvidence): null
  mail(evidence: MailEvidence): Reply | null
  /** For a recipient who is ours and has room. */
  rcpt(evidence: RcptEvidence): Promise<Reply | null>
  /** What was asked about the transaction that is open; null for who is known, or where nobody is asked. */
  asked(session: SessionEvidence): AskedEarly | null
  /** A mail that raised no suspicion went into an inbox. */
  accepted(reversePath: Path | null, recipient: Path): void
}

interface Visit {
  client: ClientChecks
  sender: SenderChecks | null
}

/** Puts the door together. Its decisions only wait for what was begun before, and never for long. */
export function createDoor(parts: DoorParts): Door {
  const { checks, greylisting, rates, log } = parts
  const asking = checks?.asksDns === true ? checks : null
  const visits = new WeakMap<SessionEvidence, Visit>()

  /** The visit of a session; begun anew where a proxy or XCLIENT told another address since. */
  const visitOf = (session: SessionEvidence, from: MailChecks): Visit => {
    const known = visits.get(session)
    if (known?.client.clientIp === session.remoteAddress) return known
    const visit: Visit = { client: from.client(session.remoteAddress), sender: null }
    visits.set(session, visit)
    return visit
  }

  const isListed = async (visit: Visit, recipient: Path): Promise<Reply | null> => {
    const { refuseListedFrom } = parts.config().smtpIn
    if (refuseListedFrom === null) return null
    const { hits, weight } = await visit.client.lists
    const [worst] = hits
    if (worst === undefined || weight < refuseListedFrom) return null
    // By its name: a zone may have a subscriber's key in it.
    return fillReply(REPLIES['client-listed'], {
      client: visit.client.clientIp,
      list: worst.name,
      domain: recipient.domain,
    })
  }

  const isTooNew = async (evidence: RcptEvidence, visit: Visit | null): Promise<Reply | null> => {
    if (greylisting === null) return null
    const { session, reversePath, recipient } = evidence
    const spf = visit?.sender?.spf == null ? null : await visit.sender.spf
    const decision = await greylisting.judge(
      {
        clientIp: session.remoteAddress,
        reversePath,
        recipient,
        atMs: parts.now(),
        trusted: false,
        suspicions: visit === null ? [] : await suspicionsOf(visit, spf?.result ?? 'none'),
        spfPassed: spf?.result === 'pass',
      },
      greylisting.memory,
      greylisting.policy,
    )
    if (decision.action === 'accept') return null
    log.info('greylisted', {
      session: session.id,
      client: session.remoteAddress,
      to: canonicalAddress(recipient),
      try: decision.reason,
    })
    return fillReply(REPLIES.greylisted, { seconds: Math.ceil(decision.retryAfterMs / 1000) })
  }

  return {
    greet(session) {
      if (asking !== null && isStranger(session)) visitOf(session, asking)
      return null
    },
    mail({ session, reversePath }) {
      if (!isStranger(session)) return null
      if (rates !== null && isPublic(session.remoteAddress)) {
        const rate = rates.count(session.remoteAddress, parts.now())
        if (!rate.allowed)
          return fillReply(REPLIES['mail-rate'], {
            client: rate.by === 'network' ? `the network of ${session.remoteAddress}` : session.remoteAddress,
            seconds: Math.ceil(rate.retryAfterMs / 1000),
          })
      }
      if (asking !== null) {
        const visit = visitOf(session, asking)
        const { remoteAddress: clientIp, helo } = session
        visit.sender = asking.sender({ clientIp, helo, reversePath }, greylisting !== null)
      }
      return null
    },
    async rcpt(evidence) {
      const { session, recipient } = evidence
      if (!isStranger(session) || /^(postmaster|abuse)$/i.test(recipient.localPart)) return null
      const visit = asking === null ? null : visitOf(session, asking)
      return (visit === null ? null : await isListed(visit, recipient)) ?? (await isTooNew(evidence, visit))
    },
    asked(session) {
      const visit = isStranger(session) ? visits.get(session) : undefined
      return visit?.sender == null ? null : { client: visit.client, sender: visit.sender }
    },
    accepted(reversePath, recipient) {
      if (greylisting !== null && reversePath !== null)
        greylisting.memory.accepted(canonicalAddress(reversePath), canonicalAddress(recipient), parts.now())
    },
  }
}

function isStranger(session: SessionEvidence): boolean {
  return session.mode === 'smtp' && session.authenticatedAs === null
}

/** What comes from our own networks is known, and may be a whole office behind one address. */
function isPublic(ip: string): boolean {
  const octets = parseIp(ip)
  return octets !== null && isPublicIp(octets)
}

/** What speaks against a client, in words. */
async function suspicionsOf({ client, sender }: Visit, spf: string): Promise<readonly string[]> {
  const [reverse, lists, acceptance] = await Promise.all([
    client.reverse,
    client.lists,
    sender?.acceptance ?? null,
  ])
  const suspicions: string[] = []
  if (reverse.result === 'none') suspicions.push('no reverse name')
  if (reverse.result === 'unconfirmed') suspicions.push('forged reverse name')
  if (reverse.result === 'confirmed' && reverse.generic) suspicions.push('generic reverse name')
  if (lists.weight > 0) suspicions.push('on a list')
  const answer = acceptance?.result
  if (answer === 'null-mx' || answer === 'no-host' || answer === 'no-domain')
    suspicions.push('nobody can answer')
  if (spf === 'fail' || spf === 'softfail') suspicions.push(`SPF ${spf}`)
  return suspicions
}
