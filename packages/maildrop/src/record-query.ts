import type { Disposition } from '@restante/mail'
import { EVERY_RECORD, type RecordQuery, type SearchField, type SearchText } from './search.ts'
import { isCharacterWord, searchWords } from './search-words.ts'
import { isFolder } from './words.ts'

/** The longest query that is read, in characters. */
export const QUERY_MAX_CHARACTERS = 1000
/** The most words of all texts of a query together. */
const WORDS_MAX = 32
/** The shortest start of a word: shorter ones begin half of all words there are. */
const START_MIN = 3

/** A query that was read, or what is wrong with it, in one sentence. */
export type ParsedQuery = { readonly query: RecordQuery } | { readonly wrong: string }

const FIELDS: readonly SearchField[] = ['from', 'to', 'subject', 'attachment']
const KEYS = [...FIELDS, 'after', 'before', 'verdict', 'has', 'size', 'folder', 'id']
const VERDICTS: Readonly<Record<string, Disposition>> = {
  accept: 'accept',
  accepted: 'accept',
  delivered: 'accept',
  tag: 'tag',
  tagged: 'tag',
  quarantine: 'quarantine',
  quarantined: 'quarantine',
  reject: 'reject',
  rejected: 'reject',
  refused: 'reject',
  defer: 'defer',
  deferred: 'defer',
}
const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9 }
const HOURS: Readonly<Record<string, number>> = { h: 1, d: 24, w: 168 }

/**
 * Reads what people type: `from:dhl after:2026-11-01 verdict:quarantine subject:"your parcel" has:attachment
 * size:>1MB to:anna folder:lists id:01J8ZQ`, and words alone, which are looked for in sender, subject and names of
 * attachments. Words are whole unless they end in `*` (`invo*`). All of it must hold; several `verdict:` are one or the other. Days are UTC; `after:7d` counts back.
 */
export function parseRecordQuery(text: string, nowMs: number): ParsedQuery {
  if (text.length > QUERY_MAX_CHARACTERS) return { wrong: 'The query is too long.' }
  const texts: SearchText[] = []
  const dispositions: Disposition[] = []
  let query: RecordQuery = EVERY_RECORD
  for (const [, key, quoted, bare] of text.matchAll(/(?:([a-z]+):)?(?:"([^"]*)"|(\S+))/gi)) {
    const value = (quoted ?? bare ?? '').trim()
    const name = key?.toLowerCase() ?? 'any'
    if (value === '') return { wrong: `${name}: needs a value.` }
    if (name === 'any' || FIELDS.includes(name as SearchField)) {
      const words = searchWords(value)
      const last = words.at(-1)
      if (last !== undefined) {
        const started = value.endsWith('*') && !isCharacterWord(last)
        if (started && [...last].length < START_MIN)
          return { wrong: `“${value}” starts too many words; give ${START_MIN} letters before the *.` }
        texts.push({ field: name as SearchField, words, started })
      } else if (key !== undefined) return { wrong: `“${value}” has no letters or digits to look for.` }
      continue
    }
    if (name === 'verdict') {
      const disposition = VERDICTS[value.toLowerCase()]
      if (disposition === undefined)
        return { wrong: `verdict: takes accept, tag, quarantine, reject or defer, not “${value}”.` }
      dispositions.push(disposition)
      continue
    }
    const change = readValue(name, value, nowMs)
    if (typeof change === 'string') return { wrong: change }
    query = { ...query, ...change }
  }
  if (texts.reduce((sum, { words }) => sum + words.length, 0) > WORDS_MAX)
    return { wrong: `A query has at most ${WORDS_MAX} words.` }
  return { query: { ...query, texts, dispositions } }
}

/** What one `key:value` changes, or what is wrong with it. */
function readValue(name: string, value: string, nowMs: number): Partial<RecordQuery> | string {
  switch (name) {
    case 'after':
    case 'before': {
      const ms = readTime(value, nowMs)
      if (ms === null)
        return `${name}: takes a day such as 2026-11-01, or 7d for a week back, not “${value}”.`
      return name === 'after' ? { afterMs: ms } : { beforeMs: ms }
    }
    case 'has':
      return value.toLowerCase() === 'attachment'
        ? { hasAttachment: true }
        : `has: takes attachment, not “${value}”.`
    case 'size': {
      const [, sign, digits, unit] = /^([<>])(\d{1,12}(?:\.\d{1,3})?)([a-z]*)$/i.exec(value) ?? []
      const factor = UNITS[(unit ?? '').toLowerCase()]
      if (digits === undefined || factor === undefined)
        return `size: takes a bound such as >1MB or <10KB, not “${value}”.`
      const octets = Math.round(Number(digits) * factor)
      return sign === '>' ? { largerOctets: octets } : { smallerOctets: octets }
    }
    case 'folder': {
      const folder = value.normalize('NFC').toLowerCase()
      return isFolder(folder) ? { folder } : `“${value}” cannot name a folder.`
    }
    case 'id':
      return { id: value.includes('@') && !value.startsWith('<') ? `<${value}>` : value }
    default:
      return `There is no ${name}: to search by. There are ${KEYS.map((key) => `${key}:`).join(' ')}`
  }
}

function readTime(value: string, nowMs: number): number | null {
  const [, count, unit] = /^(\d{1,5})([hdw])$/i.exec(value) ?? []
  if (count !== undefined)
    return nowMs - Number(count) * (HOURS[unit?.toLowerCase() ?? ''] as number) * 3_600_000
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z?)?$/.test(value)) return null
  const ms = Date.parse(value.length === 10 || value.endsWith('Z') ? value : `${value}Z`)
  return Number.isNaN(ms) ? null : ms
}
