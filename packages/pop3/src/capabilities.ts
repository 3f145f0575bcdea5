import { latin1Octets } from '@restante/mail'
import type { SessionPolicy } from './policy.ts'
import { isPlain, type MechanismName } from './sasl/exchange.ts'
import type { SessionSituation } from './situation.ts'

/** The mechanisms usable on this connection as it is now. */
export function usableMechanisms(
  policy: SessionPolicy,
  situation: SessionSituation,
): readonly MechanismName[] {
  const passwords = situation.secure || situation.plainLogin
  return policy.mechanisms.filter((mechanism) => {
    if (isPlain(mechanism)) return passwords
    if (policy.tools === undefined) return false
    return mechanism === 'SCRAM-SHA-256' || (situation.secure && situation.channelBinding !== undefined)
  })
}

/** Whether USER and PASS are answered on this connection. */
export function allowsUser(policy: SessionPolicy, situation: SessionSituation): boolean {
  return policy.mechanisms.includes('PLAIN') && (situation.secure || situation.plainLogin)
}

/** The lines of CAPA after its status line, final dot line included: only what is true now (RFC 2449 §5). */
export function formatCapabilities(
  policy: SessionPolicy,
  situation: SessionSituation,
  loggedIn: boolean,
): Uint8Array {
  const lines = ['TOP', 'UIDL', 'RESP-CODES', 'AUTH-RESP-CODE', 'PIPELINING']
  if (allowsUser(policy, situation)) lines.push('USER')
  const mechanisms = usableMechanisms(policy, situation)
  if (mechanisms.length > 0) lines.push(`SASL ${mechanisms.join(' ')}`)
  if (situation.canStartTls && !situation.secure && !loggedIn) lines.push('STLS')
  if (policy.expire !== undefined) {
    const days = policy.expire.days === 'never' ? 'NEVER' : policy.expire.days
    lines.push(`EXPIRE ${days}${policy.expire.perUser === true && !loggedIn ? ' USER' : ''}`)
  }
  if (policy.loginDelay !== undefined) {
    const { seconds, perUser } = policy.loginDelay
    lines.push(`LOGIN-DELAY ${seconds}${perUser === true && !loggedIn ? ' USER' : ''}`)
  }
  if (situation.xclient && !loggedIn) lines.push('XCLIENT')
  lines.push('UTF8 USER', 'LANG', `IMPLEMENTATION ${policy.implementation}`, '.', '')
  return latin1Octets(lines.join('\r\n'))
}
