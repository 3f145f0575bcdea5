import { latin1Octets, type Octets } from '@restante/mail'
import { scanListingOctets, uniqueIdListingOctets } from './listing-text.ts'
import type { Replier } from './replier.ts'
import { statReply, statusLine } from './replies.ts'
import { Retrieval } from './retrieval.ts'
import type { Opened } from './step.ts'
import { textFor } from './texts.ts'

const DOT_LINE = latin1Octets('.\r\n')
const MISSING_DOT_LINE = latin1Octets('\r\n.\r\n')

/** The commands of the TRANSACTION state over one frozen listing (RFC 1939 §5). */
export class Transaction {
  readonly opened: Opened
  readonly #replier: Replier
  /** 0-based indexes marked by DELE. */
  readonly #deleted: Set<number> = new Set()
  #deletedOctets: Octets = 0
  #retrieval: Retrieval | null = null
  #command: 'RETR' | 'TOP' = 'RETR'
  #statusSent = false
  /** Header fields still to be looked at, because UTF-8 in them would need UTF8 (RFC 6856 §2). */
  #mindsUtf8 = false

  constructor(opened: Opened, replier: Replier) {
    this.opened = opened
    this.#replier = replier
  }

  /** Marked indexes, ascending. */
  get deleted(): readonly number[] {
    return [...this.#deleted].sort((a, b) => a - b)
  }

  stat(): void {
    this.#replier.send(statReply(this.#count, this.#octets))
  }

  list(number: number | null): void {
    const { listing } = this.opened
    if (number === null) {
      this.#replier.ok('messages', { n: this.#count, octets: this.#octets })
      this.#replier.send(scanListingOctets(listing, this.#deleted))
    } else if (this.#has(number)) {
      this.#replier.send(latin1Octets(`+OK ${number} ${listing.sizes[number - 1]}\r\n`))
    }
  }

  uidl(number: number | null): void {
    const { listing } = this.opened
    if (number === null) {
      this.#replier.ok('unique-ids')
      this.#replier.send(uniqueIdListingOctets(listing, this.#deleted))
    } else if (this.#has(number)) {
      this.#replier.send(latin1Octets(`+OK ${number} ${listing.ids[number - 1]}\r\n`))
    }
  }

  delete(number: number): void {
    if (!this.#has(number)) return
    if (this.opened.readOnly === true) {
      this.#replier.fail('sys-perm', 'read-only')
      return
    }
    this.#deleted.add(number - 1)
    this.#deletedOctets += this.opened.listing.sizes[number - 1] as number
    this.#replier.ok('marked', { n: number })
  }

  reset(): void {
    this.#deleted.clear()
    this.#deletedOctets = 0
    this.#replier.ok('unmarked')
  }

  /** RETR (`lines` = null), or TOP with its number of body lines. `mindsUtf8`: refuse UTF-8 header fields. */
  retrieve(number: number, lines: number | null, mindsUtf8: boolean): void {
    if (!this.#has(number)) return
    this.#retrieval = new Retrieval(this.opened.listing, number - 1, lines)
    this.#command = lines === null ? 'RETR' : 'TOP'
    this.#statusSent = false
    this.#mindsUtf8 = mindsUtf8
    this.#goOn(this.#retrieval)
  }

  /** The answer to a `read`. */
  readDone(octets: Uint8Array): void {
    const retrieval = this.#retrieval as Retrieval
    if (this.#mindsUtf8 && this.#hasUtf8Header(octets, retrieval)) {
      this.#retrieval = null
      this.#replier.send(statusLine(`-ERR [UTF8] ${textFor('needs-utf8', this.#replier.language)}`))
      return
    }
    const send = retrieval.accept(octets)
    if (send === null) {
      this.readFailed()
      return
    }
    if (!this.#statusSent) this.#sendStatus(retrieval)
    this.#replier.send(send)
    this.#goOn(retrieval)
  }

  /** The store could not read: -ERR before anything was sent, an incomplete reply and the end after. */
  readFailed(): void {
    this.#retrieval = null
    if (this.#statusSent) this.#replier.close('read-failed', true)
    else this.#replier.fail('sys-temp')
  }

  get #count(): number {
    return this.opened.listing.count - this.#deleted.size
  }

  get #octets(): Octets {
    return this.opened.listing.totalOctets - this.#deletedOctets
  }

  /** Whether a message exists and is not marked; answers where not. */
  #has(number: number): boolean {
    if (number > this.opened.listing.count) this.#replier.err('no-message')
    else if (this.#deleted.has(number - 1)) this.#replier.err('is-deleted', { n: number })
    else return true
    return false
  }

  #goOn(retrieval: Retrieval): void {
    if (retrieval.done) {
      if (!this.#statusSent) this.#sendStatus(retrieval)
      this.#replier.send(retrieval.endsInCrlf ? DOT_LINE : MISSING_DOT_LINE)
      this.#retrieval = null
      return
    }
    this.#replier.ask({
      ask: 'read',
      command: this.#command,
      index: retrieval.index,
      position: retrieval.position,
      maxOctets: retrieval.nextOctets,
    })
  }

  /** Looks at the first piece read, which holds the whole of any usual header. */
  #hasUtf8Header(octets: Uint8Array, retrieval: Retrieval): boolean {
    this.#mindsUtf8 = false
    const bodyOffset = this.opened.listing.bodyOffsets[retrieval.index] as number
    const end = Math.min(bodyOffset, octets.length)
    for (let i = 0; i < end; i++) if ((octets[i] as number) > 127) return true
    return false
  }

  #sendStatus(retrieval: Retrieval): void {
    this.#statusSent = true
    if (this.#command === 'TOP') this.#replier.ok('top-follows')
    else this.#replier.ok('octets', { n: this.opened.listing.sizes[retrieval.index] as number })
  }
}
