import { asMessage, type MessageLike } from './received-message.ts'

/** What a judged copy's header says (`X-Restante-Verdict`, `X-Spam-Status`). */
export interface ShownVerdict {
  /** `delivered`, `tagged`, `quarantined`, `deferred`, `refused`; null where only X-Spam-Status speaks. */
  readonly disposition: string | null
  readonly score: number | null
  /** The score that was needed; null where none is told. */
  readonly threshold: number | null
  readonly spam: boolean
  /** Names of the rules that fired. */
  readonly symbols: readonly string[]
  /** The reasons in words. */
  readonly reasons: readonly string[]
}

/** Reads the verdict a message carries; null where it carries none. Also fits SpamAssassin's and rspamd's fields. */
export function verdictOf(message: MessageLike): ShownVerdict | null {
  const read = asMessage(message)
  const verdict = read.field('x-restante-verdict')
  const status = read.field('x-spam-status')
  if (verdict === null && status === null) return null
  const words = /^(\w+) (-?\d+(?:\.\d+)?)(?:\/(-?\d+(?:\.\d+)?))?(?:; (.*))?$/s.exec(verdict ?? '')
  const number = (text: string | undefined) => (text === undefined ? null : Number(text))
  const named = (name: string) =>
    number(new RegExp(`\\b${name}=(-?\\d+(?:\\.\\d+)?)`).exec(status ?? '')?.[1])
  // rspamd writes `tests=[A=0.1, B]`, others `tests=A,B autolearn=no`.
  const [, bracketed, bare] = /\btests=(?:\[([^\]]*)\]|([^=]*?)(?=\s+\w+=|\s*$))/s.exec(status ?? '') ?? []
  const tests = bracketed ?? bare ?? ''
  const symbols = tests
    .split(/[\s,]+/)
    .map((each) => each.replace(/=.*/, ''))
    .filter((each) => each !== '' && each !== 'none')
  const disposition = words?.[1] ?? null
  return {
    disposition,
    score: number(words?.[2]) ?? named('score'),
    threshold: number(words?.[3]) ?? named('required'),
    spam: status === null ? disposition !== null && disposition !== 'delivered' : /^\s*yes\b/i.test(status),
    symbols,
    reasons: words?.[4]?.split('; ') ?? [],
  }
}
