import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { selfSignedCertificate } from '@restante/runtime'
import {
  type Bench,
  type BenchOptions,
  choose,
  loadServer,
  rateSample,
  runSoundLoad,
  throughputSample,
} from './benches.ts'
import type { Cell, Sample } from './cells.ts'
import { fillStore, loginsOf, type Maildrops } from './filling.ts'
import type { Pop3PollJob } from './load/jobs.ts'
import { fillMaildir } from './plain-maildir.ts'
import { treePssKb } from './process-tree.ts'
import { countDotLines, makeMail } from './sample-mail.ts'
import { dovecotMissing, dovecotVersion, MAIL_UID, startDovecot } from './servers/dovecot.ts'
import { startRestante } from './servers/restante.ts'
import type { MailServer } from './servers/server.ts'

const PASSWORD = 'bench-secret'
const MEASURE_MS = 4000

const EMPTY: Maildrops = { name: 'empty', accounts: 100, messages: 0, sizeOctets: 0 }
const THOUSAND: Maildrops = { name: 'thousand', accounts: 40, messages: 1000, sizeOctets: 900 }
const TEN_KB: Maildrops = { name: 'tenkb', accounts: 1, messages: 1000, sizeOctets: 10_000 }
const TEN_MB: Maildrops = { name: 'tenmb', accounts: 1, messages: 20, sizeOctets: 10_000_000 }
const BIG: Maildrops = { name: 'big', accounts: 1, messages: 50_000, sizeOctets: 900 }
const IDLE: Maildrops = { name: 'idle', accounts: 500, messages: 0, sizeOctets: 0 }
const LARGE: Maildrops = { name: 'large', accounts: 1, messages: 1, sizeOctets: 19_000_000 }
/** At most 20 accounts in one instance: then their passwords are hashed in earnest. */
const STRONG: Maildrops = { name: 'strong', accounts: 10, messages: 0, sizeOctets: 0 }

interface Plan extends Omit<Cell, 'measure'> {
  readonly maildrops: Maildrops
  measure(server: MailServer, options: BenchOptions): Promise<Sample>
}

const ALL = ['restante', 'dovecot', 'dovecot-default'] as const

function pollJob(server: MailServer, maildrops: Maildrops, options: BenchOptions): Pop3PollJob {
  return {
    kind: 'pop3-poll',
    port: server.ports.pop3 as number,
    maxMs: MEASURE_MS * options.scale,
    atOnce: 20,
    sessions: Math.ceil(12_000 * options.scale),
    logins: loginsOf(maildrops),
    password: PASSWORD,
    uidl: true,
  }
}

/** Each account once, so that caches of servers that have any are as warm as those of polled accounts are. */
async function warmUp(server: MailServer, maildrops: Maildrops, options: BenchOptions): Promise<void> {
  const job = pollJob(server, maildrops, options)
  await runSoundLoad({ ...job, sessions: maildrops.accounts, maxMs: 60_000 }, options)
}

function poll(name: string, about: string, maildrops: Maildrops): Plan {
  return {
    name,
    about,
    unit: 'sessions/s',
    better: 'higher',
    subjects: ALL,
    maildrops,
    async measure(server, options) {
      await warmUp(server, maildrops, options)
      return rateSample(await loadServer(server, pollJob(server, maildrops, options), options))
    },
  }
}

function drain(name: string, about: string, maildrops: Maildrops, window: number): Plan {
  return {
    name,
    about,
    unit: 'MB/s',
    better: 'higher',
    subjects: ALL,
    maildrops,
    async measure(server, options) {
      const job = {
        kind: 'pop3-drain',
        port: server.ports.pop3 as number,
        maxMs: MEASURE_MS * options.scale,
        login: loginsOf(maildrops)[0] as string,
        password: PASSWORD,
        repeats: 50,
        window,
        dotLines: countDotLines(messageOf(maildrops)),
      } as const
      await warmUp(server, maildrops, options)
      return throughputSample(await loadServer(server, job, options))
    },
  }
}

function listing(name: string, about: string, cold: boolean): Plan {
  return {
    name,
    about,
    unit: 'ms',
    better: 'lower',
    subjects: ['restante', 'dovecot'],
    maildrops: BIG,
    async measure(server, options) {
      // Once, so that what is kept on disk about the maildrop is there.
      await warmUp(server, BIG, options)
      if (cold) {
        await server.restart()
        dropPageCache()
      }
      const job = { ...pollJob(server, BIG, options), atOnce: 1, sessions: cold ? 1 : 20 }
      const measured = await loadServer(server, job, options)
      return { ...rateSample(measured), figure: measured.result.p50Ms, more: {} }
    },
  }
}

function idle(name: string, about: string, tls: boolean): Plan {
  return {
    name,
    about,
    unit: 'KB',
    better: 'lower',
    subjects: ALL,
    maildrops: IDLE,
    async measure(server, options) {
      await server.restart()
      await warmUp(server, { ...IDLE, accounts: 50 }, options)
      const before = treePssKb(server.pid)
      let held = 0
      const logins = loginsOf(IDLE)
      const job = {
        kind: 'pop3-idle',
        port: (tls ? server.ports.pop3s : server.ports.pop3) as number,
        maxMs: 120_000,
        tls,
        logins,
        password: PASSWORD,
      } as const
      await runSoundLoad(job, {
        ...options,
        async onHeld() {
          await wait(1000)
          held = treePssKb(server.pid)
        },
      })
      const figure = (held - before) / logins.length
      return { figure, cpuSPerThousand: null, loadShare: null, more: { 'MB in all': held / 1024 } }
    },
  }
}

const PLANS: readonly Plan[] = [
  poll('poll-empty', 'USER PASS STAT UIDL QUIT, empty maildrops, 20 at once', EMPTY),
  poll('poll-1k', 'the same, 1,000 messages in each maildrop', THOUSAND),
  drain(
    'drain-10k',
    '1,000 messages of 10 KB retrieved one by one; 1,000 operations = 1,000 maildrops',
    TEN_KB,
    1,
  ),
  drain('drain-10k-pipelined', 'the same, 20 RETRs under way', TEN_KB, 20),
  drain('drain-10m', '20 messages of 10 MB retrieved one by one', TEN_MB, 1),
  listing('big-warm', '50,000 messages: login, STAT, UIDL, time of one session', false),
  listing('big-cold', 'the same after a restart, page cache dropped', true),
  idle('idle', '500 sessions logged in and still, plain: memory (PSS) of each', false),
  idle('idle-tls', 'the same in TLS', true),
  {
    name: 'login-argon2id',
    about: 'polls of 10 accounts whose passwords are hashed with argon2id, each having polled before',
    unit: 'sessions/s',
    better: 'higher',
    subjects: ['restante', 'dovecot-argon2id', 'dovecot-argon2id-cache'],
    maildrops: STRONG,
    async measure(server, options) {
      await warmUp(server, STRONG, options)
      return rateSample(await loadServer(server, pollJob(server, STRONG, options), options))
    },
  },
  {
    name: 'top-19m',
    about: 'TOP 1 0 of a message of 19 MB, again and again in one session: median',
    unit: 'ms',
    better: 'lower',
    subjects: ALL,
    maildrops: LARGE,
    async measure(server, options) {
      const job = {
        kind: 'pop3-top',
        port: server.ports.pop3 as number,
        maxMs: MEASURE_MS * options.scale,
        login: loginsOf(LARGE)[0] as string,
        password: PASSWORD,
        repeats: Math.ceil(2000 * options.scale),
      } as const
      await warmUp(server, LARGE, options)
      const measured = await loadServer(server, job, options)
      return {
        ...rateSample(measured),
        figure: measured.result.p50Ms,
        more: { 'p99 ms': measured.result.p99Ms },
      }
    },
  },
]

/** Names of all POP3 cells. */
export const POP3_CELLS: readonly string[] = PLANS.map(({ name }) => name)

const made = new Map<string, Buffer>()

/** The one message a group of maildrops is full of. */
function messageOf({ name, sizeOctets }: Maildrops): Buffer {
  const message = made.get(name) ?? makeMail({ sizeOctets, seed: 7, dots: true })
  made.set(name, message)
  return message
}

/** Drops what the kernel keeps of files; false where that is not allowed. */
function dropPageCache(): boolean {
  try {
    spawnSync('sync')
    writeFileSync('/proc/sys/vm/drop_caches', '3')
    return true
  } catch {
    return false
  }
}

/** Our POP3 beside Dovecot's, on the same mail. */
export async function openPop3Bench(only: readonly string[], options: BenchOptions): Promise<Bench> {
  const plans = choose(PLANS, only)
  const skipped: string[] = []
  const missing = options.peers.has('dovecot') ? dovecotMissing() : 'not asked for'
  if (missing) skipped.push(`dovecot: ${missing}`)
  if (process.getuid?.() !== 0 && plans.some(({ name }) => name === 'big-cold'))
    skipped.push('big-cold: the page cache can only be dropped by root; measured after a restart alone')
  const wanted = new Set(plans.flatMap(({ subjects }) => subjects))
  const groups = [...new Set(plans.map(({ maildrops }) => maildrops))]
  const weak = groups.filter((group) => group !== STRONG)
  await using starting = new AsyncDisposableStack()
  const servers = new Map<string, MailServer>()
  const put = (server: MailServer): void => {
    servers.set(server.name, server)
    starting.defer(() => server.stop())
  }

  const startOurs = async (name: string, mine: readonly Maildrops[]): Promise<void> => {
    if (mine.length === 0) return
    const data = join(options.folder, `${name}-data`)
    options.say(`filling ${name}`)
    await fillStore(data, mine, messageOf)
    put(
      await startRestante({
        name,
        folder: join(options.folder, name),
        data,
        logins: mine.flatMap(loginsOf),
        password: PASSWORD,
        filter: 'off',
      }),
    )
  }
  await startOurs('restante', weak)
  await startOurs('restante-argon2id', groups.includes(STRONG) ? [STRONG] : [])

  if (!missing) {
    const mail = join(options.folder, 'dovecot-mail')
    mkdirSync(mail)
    options.say('filling dovecot')
    for (const group of groups)
      for (const login of loginsOf(group))
        fillMaildir(join(mail, login), group.messages, () => messageOf(group))
    spawnSync('chown', ['-R', `${MAIL_UID}:${MAIL_UID}`, mail])
    chmodSync(mail, 0o755)
    const certificate = selfSignedCertificate(['localhost'], Date.now())
    for (const name of [...wanted].filter((each) => each.startsWith('dovecot'))) {
      const strong = name.startsWith('dovecot-argon2id')
      put(
        await startDovecot({
          name,
          folder: join(options.folder, name),
          mail,
          logins: (strong ? [STRONG] : weak).flatMap(loginsOf),
          password: PASSWORD,
          scheme: strong ? 'ARGON2ID' : 'PLAIN',
          processes: name === 'dovecot-default' ? 'default' : 'pooled',
          authCache: name === 'dovecot-argon2id-cache',
          certificate,
        }),
      )
    }
  }
  const running = starting.move()
  const serverOf = (plan: Plan, subject: string): MailServer | undefined =>
    servers.get(subject === 'restante' && plan.maildrops === STRONG ? 'restante-argon2id' : subject)
  return {
    cells: plans.map(({ maildrops: _, measure, ...cell }, index) => {
      const plan = plans[index] as Plan
      return {
        ...cell,
        subjects: cell.subjects.filter((subject) => serverOf(plan, subject)),
        measure: (subject) => measure(serverOf(plan, subject) as MailServer, options),
      }
    }),
    versions: missing
      ? []
      : [
          `dovecot ${dovecotVersion()}: Maildir, plain passwords in a file, two long-lived processes`,
          'dovecot-default: the same with a process for each session',
        ],
    cpuCounted: [...servers.values()][0]?.cpu.how ?? '',
    skipped,
    async finish() {
      await running.disposeAsync()
      return { checks: [], failures: [] }
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
