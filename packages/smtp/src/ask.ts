import { REPLIES, type Reply } from '@restante/mail'
import type { Fault } from './events.ts'
import type { Answer, HookContext, MaybePromise } from './options.ts'
import type { Session } from './session.ts'

/**
 * Asks a policy hook. Exactly one of `accepted` and `refused` is called, unless the session has ended. A hook
 * that fails or misses its deadline refuses with 451, and an event says whose fault that was.
 */
export function ask(
  session: Session,
  stage: 'connect' | 'helo' | 'mail' | 'rcpt',
  call: (context: HookContext) => MaybePromise<Answer>,
  accepted: (reply: Reply | null) => void,
  refused: (reply: Reply, fault: Fault) => void,
): void {
  const fail = (code: string, error: unknown): void => {
    session.tellFault({ where: stage, fault: 'hook', code, error })
    refused(REPLIES['check-failed'], 'hook')
  }
  const settle = (answer: unknown): void => {
    if (answer === null || answer === undefined) accepted(null)
    else if (!isReply(answer)) fail('no-reply', answer)
    else if (answer.code < 400) accepted(answer)
    else refused(answer, 'policy')
  }
  session.guard(call, (outcome) => {
    if ('failed' in outcome) {
      fail(outcome.failed, outcome.error)
      return
    }
    const answer = outcome.value
    if (typeof answer === 'object' && answer !== null && 'slowDownMs' in answer) {
      session.later(answer.slowDownMs, () => settle(answer.reply))
    } else settle(answer)
  })
}

/** Whether a value from application code can be sent as a final reply. */
export function isReply(value: unknown): value is Reply {
  const reply = value as Partial<Reply> | null | undefined
  return (
    typeof reply?.code === 'number' &&
    reply.code >= 200 &&
    reply.code < 600 &&
    (reply.code < 300 || reply.code >= 400) &&
    typeof reply.text === 'string' &&
    typeof reply.enhanced === 'string'
  )
}
