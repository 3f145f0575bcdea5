import { fieldWords, type MessageRecord, searchWords } from '@restante/maildrop'
import type { Connection } from './connection.ts'

/** What the full-text index of `facts.db` keeps of a record. */
export interface RecordWords {
  readonly tags: string
  readonly sender: string
  readonly recipient: string
  readonly subject: string
  readonly attachments: string
}

/** The tag of an account; ids of accounts are letters and digits. */
export function accountTag(account: string): string {
  return account.toLowerCase()
}

/** The tag of a disposition. */
export function dispositionTag(disposition: string): string {
  return `is${disposition}`
}

/** The tag of records with attachments. */
export const ATTACHMENT_TAG = 'hasattachment'

/** The power of two at or below a size; its tag is {@link sizeTag}. */
export function sizeStep(sizeOctets: number): number {
  return Math.floor(Math.log2(Math.max(1, sizeOctets)))
}

/** The tag of sizes from `2^step` to below the next. */
export function sizeTag(step: number): string {
  return `size${step}`
}

/** The largest {@link sizeStep} a tag is made for. */
export const SIZE_STEP_MAX = 53

/**
 * The words of a record: search answers from their index alone, besides exact times and sizes. Tags make of account,
 * disposition, size and attachments words like the others, so that one index answers any combination.
 */
export function recordWords(account: string, record: MessageRecord): RecordWords {
  const { from, to, subject, attachment } = fieldWords(record)
  const tags = [
    accountTag(account),
    dispositionTag(record.verdict.disposition),
    sizeTag(Math.min(SIZE_STEP_MAX, sizeStep(record.sizeOctets))),
    ...(record.attachments.length > 0 ? [ATTACHMENT_TAG] : []),
    ...(record.messageId === '' ? [] : [messageIdTag(record.messageId)]),
  ]
  return {
    tags: tags.join(' '),
    sender: from.join(' '),
    recipient: to.join(' '),
    subject: subject.join(' '),
    attachments: attachment.join(' '),
  }
}

/** The tag of a Message-ID; others may have the same one. */
export function messageIdTag(messageId: string): string {
  return `mid${searchWords(messageId).join('')}`
}

/** Adds a record to the full-text index. */
export function keepWords(facts: Connection, n: number, words: RecordWords): void {
  facts.run(
    'INSERT INTO words (rowid, tags, sender, recipient, subject, attachments) VALUES (?, ?, ?, ?, ?, ?)',
    n,
    words.tags,
    words.sender,
    words.recipient,
    words.subject,
    words.attachments,
  )
}

/** Records read at once while a schema is brought up to date. */
const PAGE_ROWS = 500

/** Step of the facts' schema: the full-text index, made of the records there are. */
export function addWords(facts: Connection): void {
  // Words come from searchWords, so the tokenizer only splits them at spaces. secure-delete: what is deleted is gone.
  facts.exec(`
CREATE VIRTUAL TABLE words USING fts5 (
  tags, sender, recipient, subject, attachments, tokenize = 'unicode61 remove_diacritics 0', columnsize = 0);
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
ALTER TABLE records ADD COLUMN size INTEGER NOT NULL DEFAULT 0;`)
  for (let after = 0; ; ) {
    const rows = facts.all<{ n: number; account: string; record: string }>(
      `SELECT n, account, record FROM records WHERE n > ? ORDER BY n LIMIT ${PAGE_ROWS}`,
      after,
    )
    for (const { n, account, record } of rows) {
      const parsed = JSON.parse(record) as MessageRecord
      keepWords(facts, n, recordWords(account, parsed))
      facts.run('UPDATE records SET size = ? WHERE n = ?', parsed.sizeOctets, n)
    }
    if (rows.length < PAGE_ROWS) return
    after = (rows.at(-1) as { n: number }).n
  }
}
