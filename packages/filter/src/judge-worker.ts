import { parentPort } from 'node:worker_threads'
import { createModel, decodeModel, type Model } from '@restante/bayes'
import { loadFold } from './folding.ts'
import type { FromJudge, ToJudge } from './judge-pool.ts'
import { judgeMessage } from './judging.ts'
import { teach } from './lessons.ts'

const port = parentPort
if (port === null) throw new Error('judge-worker runs only as a worker thread')

const fold = await loadFold()
let model: Model = createModel()

port.on('message', (message: ToJudge) => {
  switch (message.type) {
    case 'model':
      model = message.encoded === null ? createModel() : decodeModel(message.encoded)
      teach(model, message.lessons)
      return
    case 'teach':
      teach(model, message.lessons)
      return
    case 'judge':
      judgeMessage(message.octets, model, fold).then(
        (judged) => port.postMessage({ id: message.id, judged } satisfies FromJudge),
        (error: unknown) =>
          port.postMessage({
            id: message.id,
            crashed: error instanceof Error ? error.message : String(error),
          } satisfies FromJudge),
      )
  }
})
