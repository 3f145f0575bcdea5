import { setTimeout as wait } from 'node:timers/promises'
import { lessonOf, loadFold, loadModel } from '@restante/filter'
import type { Feedback, Learning } from '@restante/maildrop'
import { readArguments } from '../arguments.ts'
import { CommandError, EXIT, usage } from '../exit.ts'
import { readMessages } from '../messages.ts'
import { commandConfig, openStore } from '../settings.ts'
import { startRoles } from '../supervisor.ts'
import { hasColour, say, sayJson } from '../terminal.ts'

const BATCH = 50
const LEARNER_DEADLINE_MS = 120_000

/** `restante learn ham|spam FILE|DIR|mbox…`: teaches the spam filter what people say about messages. */
export async function run(line: readonly string[]): Promise<number> {
  const given = readArguments(line, { data: 'text', config: 'text', json: 'flag' })
  const [label, ...paths] = given.rest
  if ((label !== 'ham' && label !== 'spam' && label !== 'forget') || paths.length === 0) {
    throw usage(
      'Usage: restante learn ham|spam FILE|DIR|mbox…\n                learn forget FILE… takes a lesson back',
    )
  }
  const config = commandConfig(given)
  await using store = await openStore(config)
  const fold = await loadFold()
  const progress = hasColour(process.stderr) && !given.flag('json')
  let read = 0
  let head = 0
  let batch: Feedback[] = []
  const flush = async (): Promise<void> => {
    if (batch.length > 0) head = await store.learning.feedback.append(batch)
    batch = []
    if (progress) process.stderr.write(`\r  ${read} read`)
  }
  for (const path of paths) {
    for await (const { octets } of readMessages(path)) {
      const about = await lessonOf(octets, fold)
      batch.push({ owner: 'global', label, source: 'learn', by: null, atMs: Date.now(), about })
      read++
      if (batch.length >= BATCH) await flush()
    }
  }
  await flush()
  if (progress) process.stderr.write('\r')
  if (read === 0) throw new CommandError(EXIT.finding, 'There was no message to learn from.')

  // Nobody to do the learning? Then a learner is started just for this.
  const claim = await store.claim('role:learner')
  await claim?.[Symbol.asyncDispose]()
  const learner =
    claim === null
      ? null
      : await startRoles(['learner'], { ...config, log: { ...config.log, level: 'warn' } })
  try {
    await waitForLearner(store.learning, head)
  } finally {
    await learner?.stop()
  }
  const { model } = await loadModel(store.learning)
  if (given.flag('json'))
    sayJson({ read, label, ham: model.counts.ham, spam: model.counts.spam, weight: model.weight })
  else say(`${read} read as ${label}. The filter now has ${model.describe()}.`)
  return EXIT.ok
}

/** Until the learner has taken everything up to `head`, as its snapshot says. */
async function waitForLearner(learning: Learning, head: number): Promise<void> {
  const deadline = Date.now() + LEARNER_DEADLINE_MS
  while (((await learning.latestModel())?.feedback ?? 0) < head) {
    if (Date.now() > deadline)
      throw new CommandError(
        EXIT.finding,
        'What you said is stored, but the learner has not taken it yet; see its log.',
      )
    await wait(100)
  }
}
