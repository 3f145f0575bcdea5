import { readFileSync, statSync } from 'node:fs'
import {
  type Judged,
  judgeMessage,
  loadFold,
  loadModel,
  resolveThresholds,
  withoutOurFields,
} from '@restante/filter'
import {
  type Disposition,
  disposeByScore,
  type FiredSymbol,
  type Thresholds,
  toStoredForm,
} from '@restante/mail'
import type { StoredRecord } from '@restante/maildrop'
import type { Config } from '@restante/runtime'
import { readArguments } from '../arguments.ts'
import { CommandError, EXIT, usage } from '../exit.ts'
import { readAddress } from '../people.ts'
import { commandConfig, openStore } from '../settings.ts'
import { bold, dim, green, hasColour, printable, red, say, sayJson, wrap, yellow } from '../terminal.ts'

interface Explanation {
  readonly disposition: Disposition
  readonly score: number
  readonly threshold: number | null
  readonly symbols: readonly FiredSymbol[]
  readonly skipped: readonly string[]
  readonly spamProbability: number | null
  readonly from: string
  readonly subject: string
  readonly model: string
  /** Of a stored message: which, to whom, when. */
  readonly id?: string
  readonly recipient?: string
  readonly receivedAtMs?: number
}

/** `restante explain FILE|ID`: why a message is, was or would be judged as it is. */
export async function run(line: readonly string[]): Promise<number> {
  const given = readArguments(line, { data: 'text', config: 'text', for: 'text', json: 'flag' })
  const [what, ...more] = given.rest
  if (what === undefined || more.length > 0) throw usage('Usage: restante explain FILE|ID [--for ADDRESS]')
  const config = commandConfig(given)
  await using store = await openStore(config)
  const { model } = await loadModel(store.learning)
  const asked = given.text('for')
  const recipient = asked === undefined ? '' : readAddress(asked)
  const explanation = statSync(what, { throwIfNoEntry: false })?.isFile()
    ? fromJudged(
        await judgeMessage(
          toStoredForm(withoutOurFields(readFileSync(what))).octets,
          model,
          await loadFold(),
        ),
        config,
        recipient,
        (await store.directory.accountByAddress(recipient))?.thresholds ?? {},
        model.describe(),
      )
    : fromRecord(await findRecord(store, what), model.describe())
  if (given.flag('json')) sayJson(explanation)
  else show(explanation)
  return EXIT.ok
}

async function findRecord(store: Awaited<ReturnType<typeof openStore>>, what: string): Promise<StoredRecord> {
  // Our own ids are upper-case; those kept from another server are as they came.
  const found = (await store.find(what)) ?? (await store.find(what.toUpperCase()))
  if (found === 'ambiguous')
    throw new CommandError(EXIT.finding, `More than one message begins with ${what}; give more of the id.`)
  const record = await store.records.get(found === null ? what.toUpperCase() : found.id)
  if (record === null && found !== null)
    throw new CommandError(
      EXIT.finding,
      `${found.id} was put in without being judged; to judge it now, give explain its file.`,
    )
  if (record === null)
    throw new CommandError(
      EXIT.finding,
      `There is neither a file nor a judged message “${what}”. Ids have 26 characters; 6 or more are enough.`,
    )
  return record
}

function fromJudged(
  judged: Judged,
  config: Config,
  address: string,
  own: Partial<Thresholds>,
  model: string,
): Explanation {
  const { thresholds } = resolveThresholds(address, config.spam.thresholds, config.spam.overrides, own)
  const { score, symbols, skipped, spamProbability, from, subject } = judged
  return {
    ...disposeByScore(score, thresholds),
    score,
    symbols,
    skipped,
    spamProbability,
    from,
    subject,
    model,
  }
}

function fromRecord(record: StoredRecord, model: string): Explanation {
  const { disposition, score, threshold, symbols, skipped } = record.verdict
  const { spamProbability, from, subject, id, recipient, receivedAtMs } = record
  return {
    disposition,
    score,
    threshold,
    symbols,
    skipped,
    spamProbability,
    from,
    subject,
    model,
    id,
    recipient,
    receivedAtMs,
  }
}

const TITLES = {
  accept: 'DELIVERED',
  tag: 'TAGGED',
  quarantine: 'QUARANTINED',
  defer: 'DEFERRED',
  reject: 'REFUSED',
} as const

function show(explanation: Explanation): void {
  const colour = hasColour()
  const { disposition, score, threshold, symbols, skipped } = explanation
  const title =
    disposition === 'accept'
      ? green(TITLES.accept, colour)
      : disposition === 'tag'
        ? yellow(TITLES.tag, colour)
        : red(TITLES[disposition], colour)
  const against = threshold === null ? '' : ` of ${threshold.toFixed(1)} needed`
  const to = explanation.recipient === undefined ? '' : `   to ${printable(explanation.recipient)}`
  const at =
    explanation.receivedAtMs === undefined
      ? ''
      : `   ${new Date(explanation.receivedAtMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`
  say(`${bold(title, colour)}  ${score.toFixed(1)}${against}${to}${at}`)
  if (explanation.from !== '' || explanation.subject !== '') {
    say(
      dim(
        `  From ${printable(explanation.from, 80)}\n  Subject ${printable(explanation.subject, 80)}`,
        colour,
      ),
    )
  }
  say()
  for (const symbol of symbols) {
    const line = `  ${signed(symbol.score).padStart(5)}  ${symbol.symbol.padEnd(16)} ${printable(symbol.why, 300)}`
    say(wrap(line, 100, ' '.repeat(26)))
    for (const word of symbol.evidence ?? [])
      if (!symbol.why.includes(word)) say(dim(`         ${' '.repeat(16)} ${printable(word, 100)}`, colour))
  }
  for (const check of skipped)
    say(`      -  ${yellow('not checked', colour).padEnd(16)}      ${printable(check)}`)
  say(dim(`\n  The filter has ${explanation.model}.`, colour))
}

function signed(score: number): string {
  return score > 0 ? `+${score.toFixed(1)}` : score.toFixed(1)
}
