import { parseArgs } from 'node:util'
import { attackTable } from './attack-run.ts'
import { baselines } from './baselines.ts'
import {
  findArchive,
  type LabelledCorpus,
  type LabelledMail,
  loadCorpus,
  stripHeader,
} from './labelled-mail.ts'
import { figuresOf } from './metrics.ts'
import { type Contestant, ourFilter } from './ours.ts'
import { crossValidate, type Run, runCold, runOnline } from './protocols.ts'

const USAGE = `usage: node tools/corpus/src/evaluate.ts [--corpus DIR] [--protocol NAME]... [--with NAME]... [--json]
  --corpus    folder holding a corpus archive (default: the environment's RESTANTE_CORPUS)
  --protocol  cv, stripped (cv without telling header fields), online, cold200, cold1000, cold5000, attacks
              (default: all but attacks)
  --with      restante, bogofilter, natural (default: restante)`

const PROTOCOLS: Readonly<Record<string, (contestant: Contestant, corpus: LabelledCorpus) => Promise<Run>>> =
  {
    cv: (contestant, { shuffled }) => crossValidate(contestant, shuffled),
    stripped: (contestant, { shuffled }) => crossValidate(contestant, shuffled.map(withoutHeader)),
    online: (contestant, { chronological }) => runOnline(contestant, chronological),
    cold200: (contestant, { shuffled }) => runCold(contestant, shuffled, 200),
    cold1000: (contestant, { shuffled }) => runCold(contestant, shuffled, 1000),
    cold5000: (contestant, { shuffled }) => runCold(contestant, shuffled, 5000),
  }

function withoutHeader(mail: LabelledMail): LabelledMail {
  return { ...mail, octets: stripHeader(mail.octets) }
}

function line(contestant: string, protocol: string, run: Run, outcomes: Run['outcomes']): string {
  const { accuracy, hm, sm, lam, oneMinusRoca, smAtHm01, unsure } = figuresOf(outcomes)
  return [
    contestant.padEnd(11),
    protocol.padEnd(13),
    accuracy.toFixed(2).padStart(6),
    hm.toFixed(3).padStart(6),
    sm.toFixed(2).padStart(6),
    unsure.toFixed(1).padStart(6),
    lam.toFixed(2).padStart(6),
    oneMinusRoca.toFixed(4).padStart(7),
    smAtHm01.toFixed(2).padStart(7),
    (run.trained / run.trainSeconds).toFixed(0).padStart(7),
    (run.outcomes.length / run.scoreSeconds).toFixed(0).padStart(7),
    (run.modelOctets / 1e6).toFixed(1).padStart(6),
    (process.memoryUsage().rss / 1e6).toFixed(0).padStart(6),
  ].join(' ')
}

const { values } = parseArgs({
  options: {
    corpus: { type: 'string' },
    protocol: { type: 'string', multiple: true },
    with: { type: 'string', multiple: true },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  },
})
const archive = findArchive(values.corpus ?? process.env['RESTANTE_CORPUS'])
const wanted = values.protocol ?? Object.keys(PROTOCOLS)
const unknown = wanted.filter((name) => name !== 'attacks' && PROTOCOLS[name] === undefined)
if (values.help === true || archive === null || unknown.length > 0) {
  process.stderr.write(`${archive === null ? 'no corpus archive found\n' : ''}${USAGE}\n`)
  process.exit(values.help === true ? 0 : 2)
}

const corpus = loadCorpus(archive)
if (values.json !== true) {
  process.stdout.write(
    `${corpus.name}: ${corpus.shuffled.length} messages\n` +
      'contestant  protocol       acc %   hm %   sm % unsure  LAM % 1-ROCA sm@0.1  train/s score/s  MB   RSS MB\n',
  )
}
for (const name of values.with ?? ['restante']) {
  const contestant = name === 'restante' ? await ourFilter() : await baselines[name]?.()
  if (contestant === undefined || contestant === null) {
    process.stderr.write(`${name}: not present\n`)
    continue
  }
  for (const protocol of wanted) {
    if (protocol === 'attacks') {
      process.stdout.write(await attackTable(contestant, corpus.shuffled))
      continue
    }
    const run = await (PROTOCOLS[protocol] as NonNullable<(typeof PROTOCOLS)[string]>)(contestant, corpus)
    const parts: readonly (readonly [string, Run['outcomes']])[] =
      protocol === 'online'
        ? [
            ['online all', run.outcomes],
            ['online 2nd', run.outcomes.slice(run.outcomes.length >> 1)],
          ]
        : [[protocol, run.outcomes]]
    for (const [title, outcomes] of parts) {
      process.stdout.write(
        values.json === true
          ? `${JSON.stringify({ contestant: name, protocol: title, ...figuresOf(outcomes), trainPerSecond: run.trained / run.trainSeconds, scorePerSecond: run.outcomes.length / run.scoreSeconds, modelOctets: run.modelOctets })}\n`
          : `${line(name, title, run, outcomes)}\n`,
      )
    }
  }
  await contestant.close()
}
