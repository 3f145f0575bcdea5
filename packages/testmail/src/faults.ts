import type { Reply } from '@restante/mail'

/** Where in an SMTP session a refusal comes. */
export type SmtpStage = 'connect' | 'auth' | 'mail' | 'rcpt' | 'data'

/** How a POP3 login fails (RFC 2449 §8, RFC 3206). */
export type LoginFailure = 'auth' | 'in-use' | 'login-delay' | 'sys-temp' | 'sys-perm'

/** A fault of the road: of connections made while it is in force. */
export type RoadFault =
  /** Cut after so many octets of mail traffic (SMTP: from the client, POP3: from the server); 0 = at once. */
  | { readonly dropAfterOctets: number }
  /** Every piece, in both directions, comes so much later. */
  | { readonly slowMs: number }
  /** Connections are taken, and nothing is ever said. */
  | { readonly silent: true }

/** What goes wrong with SMTP. A string is a reply: `451 4.3.0 Try again later`. */
export type SmtpFault =
  | string
  | {
      readonly refuse: string
      /** Default `data`: at the end of the message. */
      readonly at?: SmtpStage
      /** With `at: 'rcpt'`: only this recipient. */
      readonly to?: string
    }
  | RoadFault

/** What goes wrong with POP3. A string says how the login fails. */
export type Pop3Fault = LoginFailure | { readonly login: LoginFailure } | RoadFault

/** A fault in force. Disposing it ends it. */
export interface FaultHandle extends Disposable {
  /** How often it has struck. */
  readonly hits: number
  end(): void
}

/** How long a fault stays. */
export interface FaultOptions {
  /** Strike so often, then no more. Default: until it is ended. */
  readonly times?: number
}

/** The faults in force of one protocol, the latest first. */
export class FaultList<Fault> {
  #active: { readonly fault: Fault; readonly times: number; hits: number }[] = []

  add(fault: Fault, { times = Number.POSITIVE_INFINITY }: FaultOptions): FaultHandle {
    const entry = { fault, times, hits: 0 }
    this.#active.unshift(entry)
    const end = () => {
      this.#active = this.#active.filter((each) => each !== entry)
    }
    return {
      get hits() {
        return entry.hits
      },
      end,
      [Symbol.dispose]: end,
    }
  }

  /** The fault that strikes where `applies` finds something, counted as a hit; null where none does. */
  strike<T>(applies: (fault: Fault) => T | null): T | null {
    for (const entry of this.#active) {
      if (entry.hits >= entry.times) continue
      const found = applies(entry.fault)
      if (found === null) continue
      entry.hits++
      return found
    }
    return null
  }

  clear(): void {
    this.#active = []
  }
}

/** Whether a fault is one of the road. */
export function isRoadFault(fault: unknown): fault is RoadFault {
  return (
    typeof fault === 'object' &&
    fault !== null &&
    ('dropAfterOctets' in fault || 'slowMs' in fault || 'silent' in fault)
  )
}

/** Reads `451 4.3.0 Try again later`. Throws a RangeError for what is no refusal. */
export function parseReply(text: string): Reply {
  const parts = /^([45]\d\d)(?: ([45]\.\d{1,3}\.\d{1,3}))?(?: ([ -~]*))?$/.exec(text)
  if (parts === null) throw new RangeError(`no refusing SMTP reply: ${JSON.stringify(text)}`)
  const code = Number(parts[1])
  return {
    code,
    enhanced: parts[2] ?? (code < 500 ? '4.0.0' : '5.0.0'),
    reason: 'test-fault',
    text: parts[3] ?? 'Refused by a test',
  }
}

/** The reply of the fault that strikes at a stage, or null. */
export function smtpRefusal(
  faults: FaultList<SmtpFault>,
  stage: SmtpStage,
  isTo: (pattern: string) => boolean = () => false,
): Reply | null {
  return faults.strike((fault) => {
    if (isRoadFault(fault)) return null
    const { refuse, at = 'data', to } = typeof fault === 'string' ? { refuse: fault } : fault
    if (at !== stage || (to !== undefined && !isTo(to))) return null
    return parseReply(refuse)
  })
}

/** How the login fails by the fault that strikes, or null. */
export function loginFailure(faults: FaultList<Pop3Fault>): LoginFailure | null {
  return faults.strike((fault) => {
    if (isRoadFault(fault)) return null
    return typeof fault === 'string' ? fault : fault.login
  })
}
