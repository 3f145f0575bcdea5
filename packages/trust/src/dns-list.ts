import { isIPv4 } from 'node:net'

/** What an answer of a list counts for. */
export interface ListAnswer {
  /** Points; negative for lists of the good. */
  readonly weight: number
  /** In words, for the reader of a verdict: `a known source of spam`. */
  readonly meaning?: string
}

/** A DNS list (RFC 5782): addresses or domains with answers in 127.0.0.0/8. */
export interface DnsList {
  /** `zen.spamhaus.example`; a subscriber's key may be part of it. */
  readonly zone: string
  /** `ip`: clients are looked up; `domain`: domains from links, the reverse-path, HELO. */
  readonly kind: 'ip' | 'domain'
  /** Name in symbols, `RBL_` before it: `ZEN`. Upper case, digits, `_`. */
  readonly name: string
  /**
   * By answer: `127.0.0.2`; a range in the last octet, `127.0.0.4-7`; a bit of the last octet, `127.0.0.&8`; or `*`, any answer that
   * matches nothing else. Bits add up; of the others the first match counts.
   */
  readonly answers: Readonly<Record<string, ListAnswer>>
  /** For `domain`: whether to ask for the registrable domain (default) or the whole host name. */
  readonly ask?: 'registrable' | 'host'
}

/** A list's entry says something that cannot be. The message names list and entry. */
export class DnsListError extends Error {
  readonly code = 'DNS_LIST'
  override readonly name = 'DnsListError'
}

/** One answer, weighed. */
export interface WeighedAnswer extends ListAnswer {
  readonly answer: string
}

/** What the answers of a list come to. */
export type ReadAnswers =
  | { readonly weighed: readonly WeighedAnswer[] }
  /** The list will not serve us (127.255.255.x), or what answers is no list. */
  | { readonly refused: string }

/** Reads a list's answers by its table. */
export type AnswerReader = (answers: readonly string[]) => ReadAnswers

type Matcher = (lastOctet: number, prefix: string) => boolean

/**
 * Compiles a list's table. Throws DnsListError for an entry that is none of the forms.
 *
 * 127.255.255.x is never a listing: it says that the question was not one the list takes (over its limit, by a public
 * resolver, a mistyped zone), and that nothing it says may be used. An answer outside 127.0.0.0/8 comes from a parked domain or a
 * resolver that lies about names that are not there.
 */
export function compileAnswers(list: DnsList): AnswerReader {
  if (!/^[A-Z0-9_]{1,40}$/.test(list.name))
    throw new DnsListError(`${list.zone}: name "${list.name}" must be upper case letters, digits and _`)
  const bits: { readonly matches: Matcher; readonly answer: ListAnswer }[] = []
  const exact: { readonly matches: Matcher; readonly answer: ListAnswer }[] = []
  let rest: ListAnswer | undefined
  for (const [entry, answer] of Object.entries(list.answers)) {
    const fail = (): never => {
      throw new DnsListError(
        `${list.zone}: "${entry}" is no answer; wanted 127.0.0.2, 127.0.0.4-7, 127.0.0.&8 or *`,
      )
    }
    if (!Number.isFinite(answer.weight))
      throw new DnsListError(`${list.zone}: the weight of "${entry}" is no number`)
    if (entry === '*') {
      rest = answer
      continue
    }
    const [, prefix = '', and, first = '', last] =
      /^(127\.\d{1,3}\.\d{1,3}\.)(&)?(\d{1,3})(?:-(\d{1,3}))?$/.exec(entry) ?? fail()
    const from = Number(first)
    const to = last === undefined ? from : Number(last)
    if (!isIPv4(`${prefix}${from}`) || to > 255 || to < from || (and && (last !== undefined || from === 0)))
      fail()
    if (prefix === '127.255.255.') fail()
    if (and) bits.push({ matches: (octet, own) => own === prefix && (octet & from) === from, answer })
    else exact.push({ matches: (octet, own) => own === prefix && octet >= from && octet <= to, answer })
  }
  return (answers) => {
    const weighed: WeighedAnswer[] = []
    for (const answer of answers) {
      const cut = answer.lastIndexOf('.') + 1
      const prefix = answer.slice(0, cut)
      const octet = Number(answer.slice(cut))
      if (prefix === '127.255.255.') return { refused: `it answers ${answer}: it will not serve us` }
      if (!answer.startsWith('127.')) return { refused: `it answers ${answer}: that is no answer of a list` }
      const found = bits.filter(({ matches }) => matches(octet, prefix)).map((each) => each.answer)
      const one = exact.find(({ matches }) => matches(octet, prefix))?.answer
      if (one !== undefined) found.push(one)
      if (found.length === 0 && rest !== undefined) found.push(rest)
      for (const each of found) weighed.push({ ...each, answer })
    }
    return { weighed }
  }
}
