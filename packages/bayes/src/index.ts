export { type Bands, bandOf, DEFAULT_BANDS } from './bands.ts'
export { decodeModel, encodeModel } from './codec.ts'
export type { ExtractOptions, MailDocument } from './document.ts'
export { extractFeatures } from './extract.ts'
export { decodeFeatures, encodeFeatures, type Features } from './features.ts'
export {
  type Classification,
  createModel,
  type Evidence,
  type Label,
  type LearnOptions,
  type Model,
  type ModelCounts,
  type Receipt,
  trainingWeight,
} from './model.ts'
export { CorruptOctetsError } from './octet-stream.ts'
export type { TokenTexts } from './token-set.ts'
