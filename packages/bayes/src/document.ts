/** The facts of a message that features are made of; `MessageFacts` of `@restante/message` is one. */
export interface MailDocument {
  readonly fields: readonly { readonly key: string; readonly name: string; readonly value: string }[]
  readonly from: MailboxLike | null
  readonly replyTo: MailboxLike | null
  readonly to: { readonly count: number; readonly mailboxes: readonly MailboxLike[] }
  readonly subject: string
  readonly messageId: string
  readonly listId: string
  readonly text: string
  readonly alternativeText: string
  readonly hiddenText: string
  readonly altText: string
  readonly attachedText: string
  readonly language: string
  readonly urls: readonly {
    readonly url: string
    readonly scheme: string
    readonly host: string
    readonly domain: string
    readonly textDomain: string
    readonly place: string
    readonly oddities: readonly string[]
  }[]
  readonly attachments: readonly {
    readonly name: string
    readonly ext: string
    readonly type: string
    readonly realType: string
    readonly inside: readonly string[]
    readonly oddities: readonly string[]
  }[]
  readonly parts: readonly {
    readonly type: string
    readonly charset: string
    readonly encoding: string
    readonly disposition: string
    readonly depth: number
  }[]
  readonly html: {
    readonly tags: number
    readonly images: number
    readonly links: number
    readonly forms: number
    readonly scripts: number
    readonly comments: number
    readonly splitWords: number
    readonly visibleCharacters: number
    readonly hiddenCharacters: number
    readonly tagNames: readonly string[]
  } | null
  readonly defects: readonly string[]
}

/** One mailbox of an address field. */
export interface MailboxLike {
  readonly name: string
  readonly address: string
  readonly host: string
  readonly domain: string
}

/** What extraction may be given beside the message. */
export interface ExtractOptions {
  /** Folds a lower-case word of a language (ISO 639-1, or '') to its stem; must be pure. */
  readonly fold?: (word: string, language: string) => string
  /** Tokens the caller knows from outside the octets, such as `client-net:192.0.2`. */
  readonly extra?: readonly string[]
}
