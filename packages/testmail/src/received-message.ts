import type { Envelope, Octets, UniqueId } from '@restante/mail'
import { formatPath } from '@restante/mail'
import { type Attachment, type Field, type MessageParts, readMessage } from './message-parts.ts'

/** How a message was handed in. */
export interface ReceivedEnvelope {
  /** The reverse-path of MAIL FROM; empty for `<>`. */
  readonly from: string
  /** The recipients of RCPT TO, in order. */
  readonly to: readonly string[]
  /** `SMTP`, `ESMTPSA`, …; `local` for {@link TestMail.deliver}. */
  readonly protocol: Envelope['protocol']
  /** TLS version and cipher, or null. */
  readonly tls: string | null
  /** The account that logged in, or null. */
  readonly authenticatedAs: string | null
  /** The name in EHLO. */
  readonly helo: string
}

/** A message, taken apart when first asked for. */
export class TestMessage {
  /** The octets as they were sent: CRLF line ends, a final CRLF, dots unstuffed. Not to be written to. */
  readonly raw: Uint8Array
  #parts: MessageParts | null = null

  constructor(raw: Uint8Array) {
    this.raw = raw
  }

  /** All header fields in order, unfolded and decoded. */
  get fields(): readonly Field[] {
    return this.#read().fields
  }

  /** The first field of a name, in any case; null where there is none. */
  field(name: string): string | null {
    return this.allFields(name)[0] ?? null
  }

  /** The values of every field of a name. */
  allFields(name: string): readonly string[] {
    const wanted = name.toLowerCase()
    return this.fields.filter((field) => field.name.toLowerCase() === wanted).map(({ value }) => value)
  }

  /** The Subject, empty where there is none. */
  get subject(): string {
    return this.field('subject') ?? ''
  }

  /** The plain text, line ends as sent; empty where there is none. */
  get text(): string {
    return this.#read().text
  }

  /** The HTML text, or null. */
  get html(): string | null {
    return this.#read().html
  }

  /** What is attached, in order. */
  get attachments(): readonly Attachment[] {
    return this.#read().attachments
  }

  get sizeOctets(): Octets {
    return this.raw.length
  }

  /** The message as text, one character per octet. */
  get source(): string {
    return Buffer.from(this.raw).toString('latin1')
  }

  #read(): MessageParts {
    this.#parts ??= readMessage(this.raw)
    return this.#parts
  }
}

/** A message that came in, with its envelope. */
export class ReceivedMessage extends TestMessage {
  /** Unique-id of its first copy. */
  readonly id: UniqueId
  readonly envelope: ReceivedEnvelope
  readonly receivedAtMs: number

  constructor(raw: Uint8Array, id: UniqueId, envelope: Envelope) {
    super(raw)
    this.id = id
    this.receivedAtMs = envelope.receivedAtMs
    this.envelope = {
      from: envelope.reversePath === null ? '' : formatPath(envelope.reversePath),
      to: envelope.recipients.map((path) => formatPath(path)),
      protocol: envelope.protocol,
      tls: envelope.tls,
      authenticatedAs: envelope.authenticatedAs,
      helo: envelope.helo,
    }
  }
}

/** Whatever a message may be given as. */
export type MessageLike = TestMessage | Uint8Array | string

/** A message from any of its forms; a string has one character per octet, or is UTF-8 text. */
export function asMessage(message: MessageLike): TestMessage {
  if (message instanceof TestMessage) return message
  return new TestMessage(typeof message === 'string' ? Buffer.from(message, 'utf8') : message)
}
