import { type Envelope, fillReply, REPLIES, type Reply } from '@restante/mail'
import { isReply } from './ask.ts'
import type { Fault } from './events.ts'
import { guard, type Outcome } from './guard.ts'
import { LineEndFilter } from './line-ends.ts'
import { MailData, type MailDataCause, MailDataError } from './mail-data.ts'
import { display } from './mail-verbs.ts'
import { tooLarge } from './parameters.ts'
import { PROTOCOL_REPLIES } from './protocol-replies.ts'
import type { Session } from './session.ts'
import type { Chunk, Content, Transaction } from './transaction.ts'

type Replies = Reply | readonly Reply[]

/** DATA (RFC 5321 §4.1.1.4). */
export function data(session: Session, _argument: string | null, done: () => void): void {
  const { transaction } = session
  const refusal = refuseContent(session, transaction)
  if (transaction === null || refusal !== null) {
    session.refuse('data', refusal ?? PROTOCOL_REPLIES['mail-first'], done)
    return
  }
  if (transaction.content !== null) {
    session.refuse('data', PROTOCOL_REPLIES['chunk-first'], done)
    return
  }
  session.expectContent(null)
  begin(session, transaction, 'data')
  session.reply(PROTOCOL_REPLIES['data-go'])
  done()
}

/** BDAT (RFC 3030 §2). Octets of a refused chunk are thrown away, never read as commands. */
export function chunk(session: Session, argument: string | null, done: () => void): void {
  const parts = /^(\d{1,20})(?:[ \t]+(LAST))?$/i.exec(argument ?? '')
  if (parts === null) {
    session.refuse('data', PROTOCOL_REPLIES['argument-syntax'], done)
    return
  }
  const octets = Number(parts[1])
  const { limits } = session.settings
  const { transaction } = session
  let refusal = refuseContent(session, transaction)
  if (refusal === null && transaction?.content?.refusal != null) refusal = PROTOCOL_REPLIES['chunk-failed']
  const sizeOctets = transaction?.content?.sizeOctets ?? 0
  const oversized = sizeOctets + octets > limits.messageOctets
  if (sizeOctets + octets > limits.messageOctets + limits.oversizeSlackOctets) {
    const reply = refusal ?? tooLarge(limits.messageOctets)
    if (transaction?.content != null) spoil(transaction.content, reply, 'oversized')
    session.cutOff(reply)
    done()
    return
  }
  if (refusal === null && transaction !== null) {
    const content = transaction.content ?? begin(session, transaction, 'bdat')
    if (oversized) spoil(content, tooLarge(limits.messageOctets), 'oversized')
  }
  session.chunk = { octets, last: parts[2] !== undefined, refusal }
  session.expectContent(octets)
  session.restartContentClock(false)
  done()
}

/** Why mail data may not begin now, or null. */
function refuseContent(session: Session, transaction: Transaction | null): Reply | null {
  if (transaction === null) return PROTOCOL_REPLIES['mail-first']
  if (transaction.recipients.length > 0) return null
  // RFC 2033 §4.2 wants 503 in LMTP; RFC 5321 §3.3 allows 554 once every RCPT has failed.
  return transaction.attempted && session.settings.options.mode !== 'lmtp'
    ? REPLIES['no-recipients']
    : PROTOCOL_REPLIES['rcpt-first']
}

function begin(session: Session, transaction: Transaction, by: 'data' | 'bdat'): Content {
  const { evidence, settings } = session
  const { parameters } = transaction
  const content: Content = {
    by,
    body: new MailData(),
    lineEnds: new LineEndFilter(settings.lineEnds),
    sizeOctets: 0,
    refusal: null,
    complete: false,
    hook: null,
    outcome: null,
    conclude: null,
  }
  transaction.content = content
  session.restartContentClock(true)
  const envelope: Envelope = {
    reversePath: transaction.reversePath,
    recipients: transaction.recipients,
    clientIp: evidence.remoteAddress,
    helo: evidence.helo,
    receivedAtMs: Date.now(),
    protocol: evidence.withProtocol(parameters.smtputf8),
    tls: evidence.tls,
    authenticatedAs: evidence.authenticatedAs,
    sessionId: transaction.id,
  }
  content.hook = guard<Replies>(
    null,
    (context) =>
      settings.options.data(envelope, content.body, {
        transaction: transaction.id,
        session: evidence,
        parameters,
        recipientParameters: transaction.recipientParameters,
        get signal() {
          return context.signal
        },
      }),
    (outcome) => {
      content.outcome = outcome
      content.body.abandon()
      content.conclude?.()
    },
    (error) => session.broken(error),
  )
  return content
}

/** Takes octets of DATA or BDAT. False: the reader is behind, `resume` follows. */
export function takeContent(session: Session, octets: Buffer, resume: () => void): boolean {
  const content = session.transaction?.content ?? null
  if (content === null || session.chunk?.refusal != null) return true
  content.sizeOctets += octets.length
  const { messageOctets, oversizeSlackOctets } = session.settings.limits
  if (content.sizeOctets > messageOctets) {
    spoil(content, tooLarge(messageOctets), 'oversized')
    if (content.sizeOctets > messageOctets + oversizeSlackOctets) {
      endWithReplies(session, [content.refusal as Reply], 'peer')
      session.cutOff(null)
    }
    return true
  }
  if (content.refusal !== null) return true
  const clean = content.lineEnds.push(octets)
  if (content.lineEnds.violated) {
    spoil(content, REPLIES['bad-line-ends'], 'line-ends')
    return true
  }
  return content.body.push(clean, resume)
}

/** All of DATA has come: answers as soon as the hook has. */
export function finishContent(session: Session, done: () => void): void {
  const transaction = session.transaction
  const content = transaction?.content
  if (transaction == null || content == null) {
    done()
    return
  }
  const rest = content.lineEnds.end()
  if (content.lineEnds.violated) spoil(content, REPLIES['bad-line-ends'], 'line-ends')
  if (rest.length > 0) content.body.push(rest, () => {})
  content.complete = true
  content.body.end()
  const conclude = (): void => {
    content.conclude = null
    const refusal = content.refusal
    if (refusal !== null) {
      content.hook?.cancel()
      endWithReplies(session, [refusal], 'peer')
    } else {
      const { replies, fault } = readOutcome(session, transaction, content.outcome)
      endWithReplies(session, replies, fault)
    }
    done()
  }
  if (content.refusal !== null || content.outcome !== null) {
    conclude()
    return
  }
  content.conclude = conclude
  content.hook?.expire(session.settings.limits.dataHookMs)
}

/** All octets of one BDAT chunk have come. */
export function finishChunk(session: Session, done: () => void): void {
  const chunk = session.chunk as Chunk
  session.chunk = null
  if (chunk.refusal !== null) {
    session.refuse('data', chunk.refusal, done)
    return
  }
  const content = session.transaction?.content
  if (content == null) {
    session.refuse('data', PROTOCOL_REPLIES['chunk-failed'], done)
    return
  }
  if (chunk.last) {
    finishContent(session, done)
    return
  }
  if (content.refusal !== null) {
    session.refuse('data', content.refusal, done)
    return
  }
  session.reply(fillReply(PROTOCOL_REPLIES['chunk-ok'], { octets: chunk.octets }))
  done()
}

/** Gives the transaction up: RSET, a new greeting, a lost connection, a deadline. */
export function abortTransaction(session: Session, cause: MailDataCause): void {
  const { transaction } = session
  if (transaction === null) return
  session.transaction = null
  session.chunk = null
  const { content } = transaction
  if (content !== null) {
    if (content.complete && cause === 'disconnected') {
      // The message is whole: let the hook finish. Nobody is left to hear the answer, but it is on record.
      const record = (): void => {
        const { replies, fault } = readOutcome(session, transaction, content.outcome)
        report(session, transaction, [], (replies[0] as Reply).reason, fault)
      }
      if (content.outcome !== null) record()
      else content.conclude = record
      return
    }
    content.conclude = null
    content.body.fail(cause)
    content.hook?.cancel()
  }
  report(session, transaction, [], content?.refusal?.reason ?? cause, 'peer')
}

/** The library itself refuses the message; the reader is told to let go. */
function spoil(content: Content, reply: Reply, cause: MailDataCause): void {
  if (content.refusal !== null) return
  content.refusal = reply
  content.body.fail(cause)
}

/** One reply per recipient in LMTP, one in SMTP (RFC 2033 §4.2). */
function endWithReplies(session: Session, replies: readonly Reply[], fault: Fault | null): void {
  const transaction = session.transaction as Transaction
  const each = session.settings.options.mode === 'lmtp' ? transaction.recipients.length : 1
  const sent = Array.from({ length: each }, (_, index) => replies[index] ?? (replies[0] as Reply))
  const good = sent.some((reply) => reply.code < 300)
  const first = sent[0] as Reply
  session.transaction = null
  report(
    session,
    transaction,
    sent.map((reply) => reply.code),
    first.reason,
    good ? null : fault,
  )
  if (good) session.budget.forgive()
  else if (first.code >= 500 && session.settings.options.mode !== 'lmtp') session.budget.spend()
  for (const reply of sent) session.reply(reply, transaction.parameters.smtputf8)
  session.endTransaction()
}

function readOutcome(
  session: Session,
  transaction: Transaction,
  outcome: Outcome<Replies> | null,
): { readonly replies: readonly Reply[]; readonly fault: Fault | null } {
  const broken = (code: string, error: unknown): { replies: readonly Reply[]; fault: Fault } => {
    session.tellFault({ where: 'data', fault: 'hook', code, error })
    return { replies: [REPLIES['store-failed']], fault: 'hook' }
  }
  if (outcome === null) return broken('no-answer', null)
  if ('failed' in outcome) {
    if (outcome.error instanceof MailDataError) return { replies: [REPLIES['store-failed']], fault: 'peer' }
    return broken(outcome.failed, outcome.error)
  }
  const value = outcome.value
  if (!Array.isArray(value)) {
    return isReply(value) ? { replies: [value], fault: 'policy' } : broken('no-reply', value)
  }
  const list: readonly Reply[] = value
  if (list.length === 0 || !list.every(isReply)) return broken('no-reply', value)
  if (session.settings.options.mode === 'lmtp') {
    return list.length === transaction.recipients.length
      ? { replies: list, fault: 'policy' }
      : broken('wrong-reply-count', value)
  }
  const mildest = list.find((reply) => reply.code < 300) ?? list.find((reply) => reply.code < 500) ?? list[0]
  return { replies: [mildest as Reply], fault: 'policy' }
}

function report(
  session: Session,
  transaction: Transaction,
  codes: readonly number[],
  reason: string,
  fault: Fault | null,
): void {
  session.tell({
    event: 'transaction',
    session: session.evidence.id,
    remoteAddress: session.evidence.remoteAddress,
    transaction: transaction.id,
    from: display(transaction.reversePath),
    recipients: transaction.recipients.length,
    sizeOctets: transaction.content?.sizeOctets ?? 0,
    durationMs: session.settings.nowMs() - transaction.startedMs,
    codes,
    reason,
    fault,
  })
}
