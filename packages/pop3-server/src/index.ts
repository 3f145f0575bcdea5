export type {
  Answer,
  CloseReason,
  Credentials,
  Failure,
  MechanismName,
  ScramCredentials,
  ScramMechanism,
} from '@restante/pop3'
export * from './backend.ts'
export * from './events.ts'
export * from './networks.ts'
export * from './options.ts'
export * from './proxy-protocol.ts'
export { createPop3Server, type Listener, type ListenOptions, type Pop3Server } from './server.ts'
export type { ChannelBindingSource, TlsCertificate, TlsSettings } from './tls.ts'
