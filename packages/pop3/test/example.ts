import { latin1Octets, latin1Text, makeListing } from '@restante/mail'
import { type Answer, type Ask, DEFAULT_SESSION_LIMITS, Pop3Session, type Step } from '@restante/pop3'

const message = latin1Octets('From: a@b.example\r\n\r\nhi\r\n')
const listing = makeListing([{ id: 'one', sizeOctets: message.length, bodyOffset: 21, needsStuffing: false }])

/** Whatever the session asks, answered from memory. */
function answer(ask: Ask): Answer {
  if (ask.ask === 'open') return { opened: { listing } }
  if (ask.ask === 'read') return { octets: message.slice(ask.position, ask.position + ask.maxOctets) }
  if (ask.ask === 'authenticate' && ask.credentials.name !== 'anna') return { failed: 'auth' }
  return { ok: true }
}

export function example(input: string): string {
  const session = new Pop3Session(
    { limits: DEFAULT_SESSION_LIMITS, implementation: 'Example', mechanisms: ['PLAIN'] },
    { secure: true, canStartTls: false, plainLogin: true, xclient: false },
  )
  let output = ''
  const take = (steps: readonly Step[]): void => {
    for (const step of steps) {
      if ('send' in step) output += latin1Text(step.send)
      else if (step.ask !== 'close') take(session.answer(answer(step)))
    }
  }
  take(session.greet())
  take(session.push(latin1Octets(input)))
  return output
}
