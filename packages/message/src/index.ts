export type { Mailbox } from './address.ts'
export type { AttachmentFact } from './attachment.ts'
export {
  type DeepAttachment,
  type DeepFailure,
  type DeepLook,
  type DeepOptions,
  lookDeep,
  stopDeepLooks,
} from './deep.ts'
export { registrableDomain } from './domain.ts'
export { DEFECTS, type FieldFact, factsOf, type MessageFacts } from './facts.ts'
export type { HtmlFacts } from './html.ts'
export { guessLanguage } from './language.ts'
export { DEFAULT_FACT_LIMITS, type FactLimits } from './limits.ts'
export type { UrlFact } from './url.ts'
export type { PartFact } from './walk.ts'
