import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Bench, type BenchOptions, choose, loadServer } from './benches.ts'
import type { Cell, Sample } from './cells.ts'
import { DOMAIN, fillStore, loginsOf, type Maildrops } from './filling.ts'
import type { LoadResult, SmtpJob } from './load/jobs.ts'
import { type MailShape, makeMail } from './sample-mail.ts'
import { postfixMissing, postfixVersion, startPostfix } from './servers/postfix.ts'
import { runRestante, startRestante } from './servers/restante.ts'
import type { MailServer } from './servers/server.ts'

const MEASURE_MS = 4000
/** What a server takes before it is measured: code that is not compiled yet, caches that are empty. */
const WARM_UP_MAILS = 500
const WARM_UP_MS = 2000
/** Octets handed in by one measurement at most. */
const OCTETS_MAX = 150e6
const PEOPLE: Maildrops = { name: 'r', accounts: 100, messages: 0, sizeOctets: 0 }
/** Lessons of each kind the filter gets before it is measured. */
const LESSONS = 150

interface Plan extends Omit<Cell, 'measure'> {
  readonly sizeOctets: number
  readonly atOnce: number
  readonly mailsPerSession: number
  readonly shape: MailShape
  readonly filter: boolean
}

function plan(size: string, sizeOctets: number, atOnce: number, mailsPerSession: number): Plan {
  const reused = mailsPerSession === 1 ? 'one mail each' : `${mailsPerSession} mails each`
  return {
    name: `smtp-${size}-${atOnce}x${mailsPerSession}`,
    about: `${sizeOctets.toLocaleString('en-US')} octets, ${atOnce} connection${atOnce === 1 ? '' : 's'}, ${reused}, filter off`,
    unit: 'mails/s',
    better: 'higher',
    subjects: ['restante', 'postfix'],
    sizeOctets,
    atOnce,
    mailsPerSession,
    shape: 'plain',
    filter: false,
  }
}

const PLANS: readonly Plan[] = [
  plan('1k', 1000, 50, 20),
  plan('10k', 10_000, 50, 8),
  plan('1k', 1000, 10, 1),
  plan('1k', 1000, 50, 1),
  plan('1k', 1000, 1, 100),
  plan('1k', 1000, 1, 1),
  plan('100k', 100_000, 10, 12),
  plan('1m', 1_000_000, 10, 5),
  {
    ...plan('10k', 10_000, 50, 8),
    name: 'smtp-10k-filter',
    about:
      '10,000 octets of text and HTML with links, 50 connections, 8 mails each; restante judges, postfix has no filter',
    shape: 'html',
    filter: true,
  },
]

/** Names of all SMTP cells. */
export const SMTP_CELLS: readonly string[] = PLANS.map(({ name }) => name)

/** Mail of two kinds, taught before the filter is measured: an untrained filter has less to do. */
async function teach(data: string, folder: string): Promise<void> {
  for (const [label, words, parity] of [
    ['ham', 'letters', 0],
    ['spam', 'offers', 1],
  ] as const) {
    const lessons = join(folder, label)
    mkdirSync(lessons, { recursive: true })
    for (let i = 0; i < LESSONS; i++) {
      const mail = makeMail({ sizeOctets: 10_000, seed: 1000 + 2 * i + parity, shape: 'html', words })
      writeFileSync(join(lessons, `${i}.eml`), mail)
    }
    await runRestante(['learn', label, lessons, '--data', data], folder)
  }
}

/** Our SMTP beside Postfix: mails that are durable in a maildrop. */
export async function openSmtpBench(only: readonly string[], options: BenchOptions): Promise<Bench> {
  const plans = choose(PLANS, only)
  const missing = options.peers.has('postfix') ? postfixMissing() : 'not asked for'
  await using starting = new AsyncDisposableStack()
  const servers = new Map<string, MailServer>()
  const put = (server: MailServer): void => {
    servers.set(server.name, server)
    starting.defer(() => server.stop())
  }
  const startOurs = async (name: string, filter: 'on' | 'off'): Promise<void> => {
    const data = join(options.folder, `${name}-data`)
    await fillStore(data, [PEOPLE], () => Buffer.alloc(0))
    if (filter === 'on') {
      options.say(`teaching ${name}`)
      const lessons = join(options.folder, 'lessons')
      mkdirSync(lessons)
      await teach(data, lessons)
    }
    options.say(`starting ${name}`)
    const folder = join(options.folder, name)
    put(
      await startRestante({ name, folder, data, logins: loginsOf(PEOPLE), password: 'bench-secret', filter }),
    )
  }
  if (plans.some(({ filter }) => !filter)) await startOurs('restante', 'off')
  if (plans.some(({ filter }) => filter)) await startOurs('restante-filter', 'on')
  if (!missing && plans.length > 0) {
    options.say('starting postfix')
    const folder = join(options.folder, 'postfix')
    put(await startPostfix({ name: 'postfix', folder, logins: loginsOf(PEOPLE) }))
  }
  const running = starting.move()
  const acknowledged = new Map<string, number>()
  const serverOf = (each: Plan, subject: string): MailServer | undefined =>
    servers.get(subject === 'restante' && each.filter ? 'restante-filter' : subject)

  const jobOf = ({ sizeOctets, atOnce, mailsPerSession, shape }: Plan, server: MailServer): SmtpJob => ({
    kind: 'smtp',
    port: server.ports.smtp as number,
    maxMs: MEASURE_MS * options.scale,
    atOnce,
    mailsPerSession,
    mails: Math.floor(OCTETS_MAX / sizeOctets),
    recipients: loginsOf(PEOPLE).map((login) => `${login}@${DOMAIN}`),
    sizeOctets,
    shape,
  })
  const warm = new Set<MailServer>()
  const count = ({ name }: MailServer, { operations }: LoadResult): void => {
    acknowledged.set(name, (acknowledged.get(name) ?? 0) + operations)
  }

  const measure = async (each: Plan, server: MailServer): Promise<Sample> => {
    if (!warm.has(server)) {
      const { maxMs } = jobOf(each, server)
      const warming = { ...jobOf(each, server), mails: WARM_UP_MAILS, maxMs: Math.max(maxMs, WARM_UP_MS) }
      count(server, (await loadServer(server, warming, options)).result)
      warm.add(server)
    }
    const { result, settledMs, ...rest } = await loadServer(server, jobOf(each, server), options)
    count(server, result)
    const rate = (ms: number): number => (result.operations / ms) * 1000
    const accepted = server.name === 'postfix' ? { 'accepted/s': rate(result.wallMs) } : {}
    return {
      ...rest,
      figure: rate(settledMs),
      more: { ...accepted, 'p50 ms': result.p50Ms, 'p99 ms': result.p99Ms },
    }
  }
  return {
    cells: plans.map((each) => {
      const { name, about, unit, better } = each
      return {
        name,
        about,
        unit,
        better,
        subjects: each.subjects.filter((subject) => serverOf(each, subject)),
        measure: (subject) => measure(each, serverOf(each, subject) as MailServer),
      }
    }),
    versions: missing
      ? []
      : [`postfix ${postfixVersion()}: delivered into Maildirs (virtual), until its queue is empty`],
    cpuCounted: [...servers.values()][0]?.cpu.how ?? '',
    skipped: [
      ...(missing ? [`postfix: ${missing}`] : []),
      'postfix with rspamd or SpamAssassin: not started by this bench',
    ],
    async finish() {
      await running.disposeAsync()
      const checks: string[] = []
      const failures: string[] = []
      for (const [name, server] of servers) {
        const sent = acknowledged.get(name) ?? 0
        const found = await server.countStored()
        const text = `${name}: ${sent} mails acknowledged, ${found} found`
        if (found < sent) failures.push(text)
        else checks.push(text)
      }
      return { checks, failures }
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
