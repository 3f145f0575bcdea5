import type { LabelledMail } from './labelled-mail.ts'
import type { Outcome } from './metrics.ts'
import type { Contestant } from './ours.ts'

/** What one protocol measured. */
export interface Run {
  readonly outcomes: readonly Outcome[]
  /** CPU seconds of this process. */
  readonly trainSeconds: number
  readonly scoreSeconds: number
  readonly trained: number
  readonly modelOctets: number
}

/** CPU time of this process in seconds. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

class Stopwatch {
  train = 0
  score = 0
  trained = 0
  readonly outcomes: Outcome[] = []
  private readonly contestant: Contestant

  constructor(contestant: Contestant) {
    this.contestant = contestant
  }

  async learn(mails: readonly LabelledMail[]): Promise<void> {
    const start = cpuSeconds()
    for (const { octets, label } of mails) await this.contestant.train(octets, label)
    this.train += cpuSeconds() - start
    this.trained += mails.length
  }

  async judge(mails: readonly LabelledMail[]): Promise<void> {
    const start = cpuSeconds()
    for (const { octets, label } of mails)
      this.outcomes.push({ label, ...(await this.contestant.score(octets)) })
    this.score += cpuSeconds() - start
  }

  async finish(): Promise<Run> {
    return {
      outcomes: this.outcomes,
      trainSeconds: this.train,
      scoreSeconds: this.score,
      trained: this.trained,
      modelOctets: await this.contestant.modelOctets(),
    }
  }
}

/** Cross-validation: fold = place modulo `folds`; the scores of all folds are pooled. */
export async function crossValidate(
  contestant: Contestant,
  mails: readonly LabelledMail[],
  folds = 10,
): Promise<Run> {
  const watch = new Stopwatch(contestant)
  for (let fold = 0; fold < folds; fold++) {
    await contestant.reset()
    await watch.learn(mails.filter((_, index) => index % folds !== fold))
    await watch.judge(mails.filter((_, index) => index % folds === fold))
  }
  return watch.finish()
}

/** Online: each message is scored, then learned with its true class. */
export async function runOnline(contestant: Contestant, mails: readonly LabelledMail[]): Promise<Run> {
  const watch = new Stopwatch(contestant)
  await contestant.reset()
  for (const mail of mails) {
    await watch.judge([mail])
    await watch.learn([mail])
  }
  return watch.finish()
}

/** Cold start: learns the first `count`, scores the rest. */
export async function runCold(
  contestant: Contestant,
  mails: readonly LabelledMail[],
  count: number,
): Promise<Run> {
  const watch = new Stopwatch(contestant)
  await contestant.reset()
  await watch.learn(mails.slice(0, count))
  await watch.judge(mails.slice(count))
  return watch.finish()
}
