import { parentPort } from 'node:worker_threads'
import { createModel, type Model } from '@restante/bayes'
import { loadFold } from './folding.ts'
import type { FromJudge, ToJudge } from './judge-pool.ts'
import { judgeMessage } from './judging.ts'
import { readModel, type TaughtLesson, teach } from './lessons.ts'

const port = parentPort
if (port === null) throw new Error('judge-worker runs only as a worker thread')

const fold = await loadFold()
let model: Model = createModel()

port.on('message', (message: ToJudge) => {
  switch (message.type) {
    case 'model': {
      const read = message.encoded === null ? createModel() : readModel(message.encoded)
      if (read === null) tell('the model is damaged, or of another version')
      model = read ?? createModel()
      learn(message.lessons)
      return
    }
    case 'teach':
      learn(message.lessons)
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

function learn(lessons: readonly TaughtLesson[]): void {
  const unreadable = teach(model, lessons)
  if (unreadable > 0) tell(`${unreadable} lessons are damaged`)
}

/** Judging with less is better than not judging: said, and gone on. */
function tell(unreadable: string): void {
  port?.postMessage({ unreadable } satisfies FromJudge)
}
