import type { FiredSymbol } from '@restante/mail'
import type { QuestionOptions, Resolver } from './answer.ts'
import { type AnswerReader, compileAnswers, type DnsList } from './dns-list.ts'
import { isPublicIp, parseIp, reverseLabels } from './ip-address.ts'
import { registrableDomain } from './registrable-domain.ts'
import { toQueryName } from './resolver.ts'

/** One listing. */
export interface ListHit {
  readonly zone: string
  /** Of the list: `ZEN`. */
  readonly name: string
  /** The address or domain that is listed. */
  readonly subject: string
  /** `127.0.0.2`. */
  readonly answer: string
  readonly weight: number
  readonly meaning: string
}

/** What the lists said. */
export interface ListEvidence {
  readonly hits: readonly ListHit[]
  /** The hits' weights together. */
  readonly weight: number
  /** Number of questions that were answered. */
  readonly answered: number
  /** Lists that were not asked or did not answer, and why. */
  readonly skipped: readonly { readonly zone: string; readonly why: string }[]
}

/** Something an operator should know: a list is switched off for a while. */
export interface ListAlarm {
  readonly zone: string
  readonly why: string
  readonly untilMs: number
}

/** Lists and what surrounds them. */
export interface ListOptions {
  readonly lists: readonly DnsList[]
  readonly resolver: Resolver
  /** Called once each time a list is switched off. */
  readonly onAlarm?: (alarm: ListAlarm) => void
  /** How long a list that refuses us is not asked. Default an hour. */
  readonly refusedMs?: number
  /** How long a list that did not answer so many times in a row is not asked. Default 5 minutes after 10. */
  readonly silentMs?: number
  readonly silentAfter?: number
  /** Domains of one message that are asked for; the rest is left out. Default 30. */
  readonly domainsMax?: number
  /** Default `Date.now`. */
  readonly now?: () => number
}

/** How long to go on. */
export interface ListQuestionOptions extends QuestionOptions {
  /**
   * Enough: with so much weight the rest is not waited for. Only reached when no list of the good (negative weights) is still to
   * answer.
   */
  readonly stopAtWeight?: number
}

/** Looks things up in DNS lists. Nothing here throws or rejects. */
export interface ListLookup {
  /** Asks all `ip` lists for a client. Private and reserved addresses are never asked. */
  checkIp(ip: string, options?: ListQuestionOptions): Promise<ListEvidence>
  /** Asks all `domain` lists for domains or host names. Addresses are left out, doubles asked once. */
  checkDomains(hosts: readonly string[], options?: ListQuestionOptions): Promise<ListEvidence>
}

interface ListState {
  readonly list: DnsList
  readonly read: AnswerReader
  readonly praises: boolean
  offUntilMs: number
  offWhy: string
  silences: number
}

interface Question {
  readonly state: ListState
  readonly subject: string
  readonly name: string
}

/** Makes the lookup. Throws DnsListError for a list it cannot read. */
export function createListLookup(options: ListOptions): ListLookup {
  const {
    resolver,
    onAlarm,
    refusedMs = 3_600_000,
    silentMs = 300_000,
    silentAfter = 10,
    domainsMax = 30,
  } = options
  const now = options.now ?? Date.now
  const states = options.lists.map((list): ListState => {
    const praises = Object.values(list.answers).some((each) => each.weight < 0)
    return { list, read: compileAnswers(list), praises, offUntilMs: 0, offWhy: '', silences: 0 }
  })

  function switchOff(state: ListState, why: string, forMs: number): void {
    if (state.offUntilMs > now()) return
    state.offUntilMs = now() + forMs
    state.offWhy = why
    state.silences = 0
    onAlarm?.({ zone: state.list.zone, why, untilMs: state.offUntilMs })
  }

  async function ask(questions: readonly Question[], given: ListQuestionOptions): Promise<ListEvidence> {
    const { stopAtWeight = Number.POSITIVE_INFINITY, signal: outer, timeoutMs } = given
    const hits: ListHit[] = []
    const skipped = new Map<string, string>()
    let answered = 0
    let weight = 0
    const live = questions.filter(({ state }) => {
      if (state.offUntilMs <= now()) return true
      skipped.set(state.list.zone, state.offWhy)
      return false
    })
    let praisesLeft = live.filter(({ state }) => state.praises).length
    const enough = new AbortController()
    const signal = outer === undefined ? enough.signal : AbortSignal.any([outer, enough.signal])
    await Promise.all(
      live.map(async ({ state, subject, name }) => {
        const answer = await resolver.resolve(name, 'A', { signal, timeoutMs })
        const { zone, name: listName } = state.list
        if (enough.signal.aborted && (answer.kind === 'timeout' || answer.kind === 'servfail')) return
        if (state.praises) praisesLeft--
        if (answer.kind === 'timeout' || answer.kind === 'servfail') {
          skipped.set(zone, answer.why)
          // The caller's own hurry is no fault of the list's.
          if (!outer?.aborted && ++state.silences >= silentAfter)
            switchOff(state, `no answer ${silentAfter} times in a row`, silentMs)
          return
        }
        if (answer.kind === 'unavailable') {
          skipped.set(zone, answer.why)
          return
        }
        state.silences = 0
        if (answer.kind === 'records') {
          const read = state.read(answer.records)
          if ('refused' in read) {
            skipped.set(zone, read.refused)
            switchOff(state, read.refused, refusedMs)
            return
          }
          for (const { answer: address, weight: points, meaning = 'is listed' } of read.weighed) {
            hits.push({ zone, name: listName, subject, answer: address, weight: points, meaning })
            weight += points
          }
        }
        answered++
        if (weight >= stopAtWeight && praisesLeft === 0) enough.abort()
      }),
    )
    hits.sort((a, b) => b.weight - a.weight || (a.zone < b.zone ? -1 : 1))
    return { hits, weight, answered, skipped: [...skipped].map(([zone, why]) => ({ zone, why })) }
  }

  return {
    async checkIp(ip, given = {}) {
      const octets = parseIp(ip)
      if (octets === null || !isPublicIp(octets)) return NOTHING
      const labels = reverseLabels(octets)
      const asked = states.filter(({ list }) => list.kind === 'ip')
      return await ask(
        asked.map((state) => ({ state, subject: ip, name: `${labels}.${state.list.zone}` })),
        given,
      )
    },
    async checkDomains(hosts, given = {}) {
      const questions = new Map<string, Question>()
      for (const state of states) {
        if (state.list.kind !== 'domain') continue
        let taken = 0
        for (const host of hosts) {
          const subject = subjectOf(host, state.list)
          if (subject === null) continue
          const name = toQueryName(`${subject}.${state.list.zone}`)
          if (name === null || questions.has(name)) continue
          if (++taken > domainsMax) break
          questions.set(name, { state, subject, name })
        }
      }
      return await ask([...questions.values()], given)
    },
  }
}

const NOTHING: ListEvidence = { hits: [], weight: 0, answered: 0, skipped: [] }

/** What a domain list is asked for; null for what it must not be asked: addresses, bare suffixes. */
function subjectOf(host: string, list: DnsList): string | null {
  const name = toQueryName(host)
  if (name === null || parseIp(name) !== null) return null
  const domain = registrableDomain(name)
  return domain === null || list.ask !== 'host' ? domain : name
}

/** The hits as symbols, one for each list: `RBL_ZEN`, its weights together. */
export function listSymbols({ hits }: ListEvidence): readonly FiredSymbol[] {
  const byName = new Map<string, ListHit[]>()
  for (const hit of hits) byName.set(hit.name, [...(byName.get(hit.name) ?? []), hit])
  return [...byName].map(([name, own]) => {
    const [{ subject, meaning, zone }] = own as [ListHit]
    const more = new Set(own.map((each) => each.subject)).size - 1
    return {
      symbol: `RBL_${name}`,
      score: own.reduce((sum, each) => sum + each.weight, 0),
      why: `${subject} ${meaning}, says ${zone}${more > 0 ? `, and ${more} more` : ''}.`,
      evidence: own.slice(0, 10).map((each) => `${each.subject} ${each.answer}`),
    }
  })
}
