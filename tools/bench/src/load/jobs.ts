import type { MailShape } from '../sample-mail.ts'

/** What every load has: where, and when it ends at the latest. */
interface Bounds {
  /** On 127.0.0.1. */
  readonly port: number
  /** No new session after this; those begun are finished. */
  readonly maxMs: number
}

/** Sessions that look for new mail: USER, PASS, STAT, UIDL if wanted, QUIT. */
export interface Pop3PollJob extends Bounds {
  readonly kind: 'pop3-poll'
  /** Sessions at once; each polls its own share of `logins`, so that no maildrop is opened twice at once. */
  readonly atOnce: number
  readonly sessions: number
  readonly logins: readonly string[]
  readonly password: string
  readonly uidl: boolean
}

/** One session at a time that reads a whole maildrop: STAT, LIST, RETR of every message, QUIT. */
export interface Pop3DrainJob extends Bounds {
  readonly kind: 'pop3-drain'
  readonly login: string
  readonly password: string
  readonly repeats: number
  /** RETRs under way at once; 1 = one by one. */
  readonly window: number
  /** Lines of each message that start with a dot. */
  readonly dotLines: number
}

/** Sessions that log in and hold still until told to go on. */
export interface Pop3IdleJob extends Bounds {
  readonly kind: 'pop3-idle'
  readonly tls: boolean
  readonly logins: readonly string[]
  readonly password: string
}

/** One session that asks for the header of message 1 again and again: TOP 1 0. */
export interface Pop3TopJob extends Bounds {
  readonly kind: 'pop3-top'
  readonly login: string
  readonly password: string
  readonly repeats: number
}

/** Mails handed in over SMTP, one recipient each. */
export interface SmtpJob extends Bounds {
  readonly kind: 'smtp'
  readonly atOnce: number
  readonly mailsPerSession: number
  readonly mails: number
  readonly recipients: readonly string[]
  readonly sizeOctets: number
  readonly shape: MailShape
}

/** Deliveries straight into a store, or as plain files into a Maildir. */
export interface DeliverJob {
  readonly kind: 'deliver'
  readonly store: 'restante' | 'maildir'
  readonly directory: string
  readonly writers: number
  readonly sizeOctets: number
  readonly mails: number
  readonly maxMs: number
}

/** Messages read back whole, one after another; delivered before the clock starts. */
export interface RetrieveJob {
  readonly kind: 'retrieve'
  readonly store: 'restante' | 'maildir'
  readonly directory: string
  readonly sizeOctets: number
  readonly mails: number
  readonly maxMs: number
}

/** What the disk can do by itself. */
export interface DiskJob {
  readonly kind: 'disk'
  /** `fdatasync`: 1 KB appended and flushed, again and again. `write`: 1 MB appended, flushed once at the end. */
  readonly what: 'fdatasync' | 'write'
  readonly directory: string
  readonly maxMs: number
  readonly maxOctets: number
}

export type Pop3Job = Pop3PollJob | Pop3DrainJob | Pop3IdleJob | Pop3TopJob
export type StoreJob = DeliverJob | RetrieveJob | DiskJob
export type LoadJob = Pop3Job | SmtpJob | StoreJob

/** What a load did. */
export interface LoadResult {
  /** Sessions, maildrops, TOPs, mails or writes that went well. */
  readonly operations: number
  /** Octets of mail carried (stored form), or written. */
  readonly octets: number
  /** What went wrong, the first few in words. */
  readonly errors: readonly string[]
  readonly errorCount: number
  readonly wallMs: number
  /** CPU of the load's own process meanwhile. */
  readonly cpuMs: number
  /** How long each operation took, where that is asked: the median, and what 99 of 100 stay below. */
  readonly p50Ms: number
  readonly p99Ms: number
}
