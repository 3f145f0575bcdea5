import type { Answer, QuestionOptions, Resolver } from '../answer.ts'
import type { MxRecord, RecordType } from '../dns-message.ts'
import { toQueryName } from '../resolver.ts'

/**
 * A failure instead of records. `SERVFAIL` and `TIMEOUT` come at once; `SILENCE` never answers, until the asker's signal or
 * time ends it.
 */
export type ZoneFailure = 'SERVFAIL' | 'TIMEOUT' | 'SILENCE'

/** The records of one name. MX may be written `10 mx.example.org`, a null MX `0 .`. */
export interface ZoneRecords {
  readonly A?: readonly string[] | ZoneFailure
  readonly AAAA?: readonly string[] | ZoneFailure
  readonly CNAME?: readonly string[] | ZoneFailure
  readonly MX?: readonly (string | MxRecord)[] | ZoneFailure
  readonly NS?: readonly string[] | ZoneFailure
  readonly PTR?: readonly string[] | ZoneFailure
  readonly TXT?: readonly string[] | ZoneFailure
}

/** DNS as data: what there is, by name. A failure for a name holds for all its types. */
export type Zone = Readonly<Record<string, ZoneRecords | ZoneFailure>>

/** A resolver that answers from data, and remembers what it was asked. */
export interface ZoneResolver extends Resolver {
  /** Questions in order, as `TXT _dmarc.example.org`. */
  readonly questions: readonly string[]
}

/**
 * A resolver for tests. It tells apart: a name without records of the type (`nodata`; also a name that only has names below
 * it), a name that is not there (`nxdomain`), SERVFAIL and TIMEOUT. CNAMEs are followed. Keys are in any case, `_25._tcp` and the
 * like included.
 */
export function zoneResolver(zone: Zone): ZoneResolver {
  const names = new Map(Object.entries(zone).map(([name, value]) => [toQueryName(name) ?? name, value]))
  const questions: string[] = []

  function lookUp(name: string, type: RecordType, hops: number): Answer | 'SILENCE' {
    const here = names.get(name)
    if (here === undefined) {
      const below = [...names.keys()].some((each) => each.endsWith(`.${name}`))
      return below ? { kind: 'nodata' } : { kind: 'nxdomain' }
    }
    const records = typeof here === 'string' ? here : here[type]
    if (records === 'SILENCE') return 'SILENCE'
    if (records === 'SERVFAIL') return { kind: 'servfail', why: 'SERVFAIL' }
    if (records === 'TIMEOUT') return { kind: 'timeout', why: 'no answer in time' }
    if (records === undefined || records.length === 0) {
      const alias = typeof here === 'string' ? undefined : here.CNAME
      if (typeof alias !== 'object' || alias[0] === undefined || type === 'CNAME') return { kind: 'nodata' }
      return hops < 8
        ? lookUp(toQueryName(alias[0]) ?? alias[0], type, hops + 1)
        : { kind: 'servfail', why: 'CNAMEs in a circle' }
    }
    return {
      kind: 'records',
      ttlSeconds: 300,
      records: type === 'MX' ? records.map(toMx) : (records as readonly string[]),
    }
  }

  return {
    available: true,
    questions,
    async resolve<T extends RecordType>(name: string, type: T, { signal, timeoutMs }: QuestionOptions = {}) {
      const asked = toQueryName(name)
      questions.push(`${type} ${asked ?? name}`)
      if (signal?.aborted) return { kind: 'timeout', why: 'the asker gave up' }
      const answer = asked === null ? ({ kind: 'nxdomain' } as const) : lookUp(asked, type, 0)
      if (answer !== 'SILENCE') return answer as Answer<T>
      return await new Promise<Answer<T>>((settle) => {
        const giveUp = (): void => settle({ kind: 'timeout', why: 'the asker gave up' })
        signal?.addEventListener('abort', giveUp, { once: true })
        if (timeoutMs !== undefined) setTimeout(giveUp, timeoutMs)
      })
    },
  }
}

function toMx(record: string | MxRecord): MxRecord {
  if (typeof record !== 'string') return record
  const [preference = '', exchange = ''] = record.split(/\s+/)
  return { preference: Number(preference), exchange: exchange.replace(/\.$/, '').toLowerCase() }
}
