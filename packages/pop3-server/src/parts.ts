import type { SessionPolicy } from '@restante/pop3'
import type { Authenticate, MaildropStore, ScramSource } from './backend.ts'
import type { EventHub } from './events.ts'
import type { Networks } from './networks.ts'
import type { ServerLimits } from './options.ts'
import type { TlsContexts } from './tls.ts'

/** What all connections of a server share. */
export interface ServerParts<Key> {
  readonly store: MaildropStore<Key>
  readonly authenticate: Authenticate<Key>
  readonly scram: ScramSource<Key> | undefined
  readonly inventedSaltKey: Uint8Array
  readonly limits: ServerLimits
  readonly policy: SessionPolicy
  readonly hub: EventHub
  tls: TlsContexts | null
  readonly allowPlainLogin: 'never' | 'loopback' | 'always'
  readonly proxyFrom: Networks
  readonly xclientFrom: Networks
  readonly now: () => number
  /** Connections by client address. */
  readonly perAddress: Map<string, number>
  readonly nextSessionId: () => string
}
