import type { LoadResult, Pop3DrainJob, Pop3IdleJob, Pop3Job, Pop3PollJob, Pop3TopJob } from './jobs.ts'
import { openPop3Session, type Pop3Session } from './pop3-session.ts'
import { startTally, type Tally } from './tally.ts'

const STAT = Buffer.from('STAT\r\n')
const UIDL = Buffer.from('UIDL\r\n')
const LIST = Buffer.from('LIST\r\n')
const TOP = Buffer.from('TOP 1 0\r\n')
const QUIT = Buffer.from('QUIT\r\n')
/** Every so many polls the lines of a listing are counted. */
const COUNTED = 50
/** After so many failures a load gives up. */
const FAILURES_MAX = 20

/** Runs one POP3 load. `held` is called when idle sessions stand; they end when its promise does. */
export function runPop3Load(job: Pop3Job, held: () => Promise<void>): Promise<LoadResult> {
  switch (job.kind) {
    case 'pop3-poll':
      return poll(job)
    case 'pop3-drain':
      return drain(job)
    case 'pop3-top':
      return top(job)
    case 'pop3-idle':
      return idle(job, held)
  }
}

async function logIn(session: Pop3Session, user: Buffer, pass: Buffer): Promise<void> {
  await session.status()
  session.send(user)
  await session.status()
  session.send(pass)
  await session.status()
}

/** Messages and octets as STAT tells them. */
async function stat(session: Pop3Session): Promise<{ readonly count: number; readonly octets: number }> {
  session.send(STAT)
  const [, count, octets] = (await session.status()).status.split(' ')
  return { count: Number(count), octets: Number(octets) }
}

async function quit(session: Pop3Session): Promise<void> {
  session.send(QUIT)
  await session.status()
  session.close()
}

const userLine = (login: string): Buffer => Buffer.from(`USER ${login}\r\n`)
const passLine = (password: string): Buffer => Buffer.from(`PASS ${password}\r\n`)

/** Runs a session to its end; a failure of any kind is counted and closes it. */
async function inSession(
  job: { readonly port: number },
  tally: Tally,
  work: (session: Pop3Session) => Promise<void>,
): Promise<void> {
  const session = openPop3Session(job.port)
  try {
    await work(session)
    await quit(session)
  } catch (error) {
    session.close()
    tally.failed(error)
  }
}

async function poll(job: Pop3PollJob): Promise<LoadResult> {
  const users = job.logins.map(userLine)
  const pass = passLine(job.password)
  let begun = 0
  const tally = startTally()
  const slot = async (first: number): Promise<void> => {
    for (let own = first; ; own += job.atOnce) {
      if (begun >= job.sessions || tally.elapsedMs() > job.maxMs || tally.failures > FAILURES_MAX) return
      const number = begun++
      if (own >= users.length) own = first
      const startMs = performance.now()
      let took = 0
      let octets = 0
      await inSession(job, tally, async (session) => {
        await logIn(session, users[own] as Buffer, pass)
        const { count } = await stat(session)
        if (job.uidl) {
          session.send(UIDL)
          const counted = number % COUNTED === 0
          const reply = await session.lines({ keep: counted })
          took = performance.now() - startMs
          octets = reply.octets
          if (counted && countLines(reply.kept as Buffer) !== count + 1)
            throw new Error(`STAT told ${count} messages, UIDL another number`)
        } else took = performance.now() - startMs
      }).then(() => took > 0 && tally.done(took, octets))
    }
  }
  const slots = Math.min(job.atOnce, users.length)
  await Promise.all(Array.from({ length: slots }, (_, first) => slot(first)))
  return tally.result()
}

function countLines(octets: Buffer): number {
  let count = 0
  for (let at = octets.indexOf(10); at >= 0; at = octets.indexOf(10, at + 1)) count++
  return count
}

/** The sizes of a scan listing, in message-number order. */
function sizesOf(listing: Buffer): number[] {
  const lines = listing.toString('latin1').split('\r\n')
  return lines.slice(0, -2).map((line) => Number(line.slice(line.indexOf(' ') + 1)))
}

async function drain(job: Pop3DrainJob): Promise<LoadResult> {
  const user = userLine(job.login)
  const pass = passLine(job.password)
  const tally = startTally()
  for (let i = 0; i < job.repeats && tally.elapsedMs() <= job.maxMs && tally.failures === 0; i++) {
    const startMs = performance.now()
    let octets = 0
    await inSession(job, tally, async (session) => {
      await logIn(session, user, pass)
      const told = await stat(session)
      session.send(LIST)
      const sizes = sizesOf((await session.lines({ keep: true })).kept as Buffer)
      if (sizes.length !== told.count)
        throw new Error(`STAT told ${told.count} messages, LIST ${sizes.length}`)
      await retrieveAll(session, sizes, job)
      octets = told.octets
    })
    if (octets > 0) tally.done(performance.now() - startMs, octets)
  }
  return tally.result()
}

async function retrieveAll(session: Pop3Session, sizes: readonly number[], job: Pop3DrainJob): Promise<void> {
  const commands = sizes.map((_, index) => Buffer.from(`RETR ${index + 1}\r\n`))
  const dotLine = 3
  const ask = (index: number): Promise<unknown> => {
    const reply = session.body((sizes[index] as number) + job.dotLines + dotLine)
    // A broken connection rejects them all; the one awaited tells.
    reply.catch(() => {})
    return reply
  }
  let sent = Math.min(job.window, sizes.length)
  session.send(Buffer.concat(commands.slice(0, sent)))
  const under: Promise<unknown>[] = []
  for (let index = 0; index < sent; index++) under.push(ask(index))
  for (let got = 0; got < sizes.length; got++) {
    await under.shift()
    if (sent >= sizes.length) continue
    session.send(commands[sent] as Buffer)
    under.push(ask(sent++))
  }
}

async function top(job: Pop3TopJob): Promise<LoadResult> {
  const tally = startTally()
  await inSession(job, tally, async (session) => {
    await logIn(session, userLine(job.login), passLine(job.password))
    for (let i = 0; i < job.repeats && tally.elapsedMs() <= job.maxMs; i++) {
      const startMs = performance.now()
      session.send(TOP)
      const { octets } = await session.lines()
      tally.done(performance.now() - startMs, octets)
    }
  })
  return tally.result()
}

async function idle(job: Pop3IdleJob, held: () => Promise<void>): Promise<LoadResult> {
  const tally = startTally()
  const pass = passLine(job.password)
  const standing: Pop3Session[] = []
  let next = 0
  const slot = async (): Promise<void> => {
    while (next < job.logins.length && tally.elapsedMs() <= job.maxMs && tally.failures <= FAILURES_MAX) {
      const startMs = performance.now()
      const session = openPop3Session(job.port, job.tls)
      standing.push(session)
      const login = job.logins[next++] as string
      try {
        await logIn(session, userLine(login), pass)
        await stat(session)
        tally.done(performance.now() - startMs, 0)
      } catch (error) {
        tally.failed(error)
      }
    }
  }
  await Promise.all(Array.from({ length: 20 }, slot))
  await held()
  await Promise.allSettled(standing.map(quit))
  for (const session of standing) session.close()
  return tally.result()
}
