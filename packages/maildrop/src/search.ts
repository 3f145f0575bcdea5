import type { Disposition, Octets } from '@restante/mail'
import type { StoredRecord } from './record.ts'
import { containsPhrase, searchWords } from './search-words.ts'
import type { MaildropStore } from './store.ts'
import type { AccountId, Folder } from './words.ts'

/** What a text of {@link RecordQuery} is looked for in. */
export type SearchField = 'from' | 'to' | 'subject' | 'attachment' | 'any'

/** Words that follow one another in a field (see `searchWords`), whole ones. */
export interface SearchText {
  /** `from` looks at header and reverse-path, `any` at sender, subject and names of attachments. */
  readonly field: SearchField
  readonly words: readonly string[]
  /** The last word is only the start of one. */
  readonly started: boolean
}

/** What records must be like; all of it. Made by `parseRecordQuery`. */
export interface RecordQuery {
  /** Each of them in its field. */
  readonly texts: readonly SearchText[]
  /** Received at or after, and before. */
  readonly afterMs: number | null
  readonly beforeMs: number | null
  /** One of these; empty = any. */
  readonly dispositions: readonly Disposition[]
  readonly hasAttachment: boolean
  /** Larger, and smaller, than so many octets. */
  readonly largerOctets: Octets | null
  readonly smallerOctets: Octets | null
  /** Where its copy is now. */
  readonly folder: Folder | null
  /** The start of its unique-id, then or now (6 characters or more), or its whole Message-ID in angle brackets. */
  readonly id: string | null
}

/** A record that was found. */
export interface FoundRecord extends StoredRecord {
  readonly account: AccountId
  /** Where its copy is now; null where it was removed. */
  readonly folder: Folder | null
}

/** A place in the results of a search; opaque. */
export type SearchCursor = string

/** Some results, the last stored first. */
export interface SearchPage {
  readonly found: readonly FoundRecord[]
  /** Where the next page starts; null after the last one. */
  readonly next: SearchCursor | null
}

/** The most results of one page. */
export const SEARCH_PAGE_MAX = 500

/** A store whose records can be searched. */
export interface SearchableStore extends MaildropStore {
  /**
   * Records of an account, or of all, page by page; what is stored meanwhile comes in no later page.
   * @param page `limit`: 1 to {@link SEARCH_PAGE_MAX}, 50 otherwise
   */
  search(
    account: AccountId | 'all',
    query: RecordQuery,
    page?: { readonly after?: SearchCursor; readonly limit?: number },
  ): Promise<SearchPage>
}

/** Whether a store's records can be searched. */
export function isSearchableStore(store: MaildropStore): store is SearchableStore {
  return 'search' in store
}

/** A query that every record answers. */
export const EVERY_RECORD: RecordQuery = {
  texts: [],
  afterMs: null,
  beforeMs: null,
  dispositions: [],
  hasAttachment: false,
  largerOctets: null,
  smallerOctets: null,
  folder: null,
  id: null,
}

/** The words search looks at, by field. */
export function fieldWords(
  record: Pick<StoredRecord, 'from' | 'reversePath' | 'recipient' | 'subject' | 'attachments'>,
): Readonly<Record<Exclude<SearchField, 'any'>, readonly string[]>> {
  return {
    from: searchWords(`${record.from} | ${record.reversePath}`),
    to: searchWords(record.recipient),
    subject: searchWords(record.subject),
    attachment: searchWords(record.attachments.map(({ name }) => name).join(' | ')),
  }
}

/** Whether a record is what a query asks for; the meaning of a query, which stores with indexes must keep. */
export function matchesQuery(query: RecordQuery, found: FoundRecord): boolean {
  const words = fieldWords(found)
  const { id } = query
  return (
    query.texts.every(({ field, words: phrase, started }) =>
      (field === 'any' ? (['from', 'subject', 'attachment'] as const) : [field]).some((each) =>
        containsPhrase(words[each], phrase, started),
      ),
    ) &&
    found.receivedAtMs >= (query.afterMs ?? Number.NEGATIVE_INFINITY) &&
    found.receivedAtMs < (query.beforeMs ?? Number.POSITIVE_INFINITY) &&
    (query.dispositions.length === 0 || query.dispositions.includes(found.verdict.disposition)) &&
    (!query.hasAttachment || found.attachments.length > 0) &&
    found.sizeOctets > (query.largerOctets ?? Number.NEGATIVE_INFINITY) &&
    found.sizeOctets < (query.smallerOctets ?? Number.POSITIVE_INFINITY) &&
    (query.folder === null || query.folder === found.folder) &&
    (id === null ||
      (id.startsWith('<')
        ? found.messageId === id
        : found.id === id ||
          found.currentId === id ||
          (id.length >= 6 && (found.id.startsWith(id) || found.currentId.startsWith(id)))))
  )
}
