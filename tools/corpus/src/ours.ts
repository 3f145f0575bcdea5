import { bandOf, createModel, decodeFeatures, encodeModel, type Model } from '@restante/bayes'
import { type Fold, lessonOf, loadFold, readMessage } from '@restante/filter'

export type Label = 'ham' | 'spam'

/** What a classifier says of one message; a higher score is spammier. */
export interface Score {
  readonly called: 'spam' | 'ham' | 'unsure'
  readonly score: number
}

/** A classifier under measurement. */
export interface Contestant {
  readonly name: string
  /** Forgets everything. */
  reset(): Promise<void>
  train(octets: Uint8Array, label: Label): Promise<void>
  score(octets: Uint8Array): Promise<Score>
  /** Octets of what it has learned, as it would be stored. */
  modelOctets(): Promise<number>
  close(): Promise<void>
}

/** Our own classifier by the very calls the receiver and the learner make. */
export async function ourFilter(fold?: Fold): Promise<Contestant> {
  const stem = fold ?? (await loadFold())
  let model: Model = createModel()
  return {
    name: 'restante',
    async reset() {
      model = createModel()
    },
    async train(octets, label) {
      // As the journal has it: the features go through their encoded form.
      model.learn(decodeFeatures((await lessonOf(octets, stem)).features), label)
    },
    async score(octets) {
      const { features } = await readMessage(octets, stem)
      const { probability, logOdds, significant } = model.classify(features)
      const band = bandOf(probability)
      return { called: significant ? band : 'unsure', score: logOdds }
    },
    async modelOctets() {
      return encodeModel(model).length
    },
    async close() {},
  }
}
