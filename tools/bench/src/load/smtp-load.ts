import { mailData, makeMail } from '../sample-mail.ts'
import type { LoadResult, SmtpJob } from './jobs.ts'
import { openSmtpSession, type SmtpSession } from './smtp-session.ts'
import { startTally } from './tally.ts'

const EHLO = Buffer.from('EHLO load.example\r\n')
const MAIL = Buffer.from('MAIL FROM:<load@sender.example>\r\n')
const DATA = Buffer.from('DATA\r\n')
const QUIT = Buffer.from('QUIT\r\n')
/** Octets of different mails kept ready. */
const READY_OCTETS = 8 * 1024 * 1024
const READY_MAILS = 64
const FAILURES_MAX = 20

/** Hands in mails: one command after another, without PIPELINING, each mail to the next recipient. */
export async function runSmtpLoad(job: SmtpJob): Promise<LoadResult> {
  const ready = Math.max(1, Math.min(READY_MAILS, Math.floor(READY_OCTETS / job.sizeOctets)))
  const mails = Array.from({ length: ready }, (_, seed) =>
    mailData(
      makeMail({
        sizeOctets: job.sizeOctets,
        seed,
        shape: job.shape,
        words: seed % 2 === 0 ? 'letters' : 'offers',
      }),
    ),
  )
  const recipients = job.recipients.map((address) => Buffer.from(`RCPT TO:<${address}>\r\n`))
  let begun = 0
  let next = 0
  const tally = startTally()

  const handIn = async (session: SmtpSession): Promise<void> => {
    const number = next++
    const startMs = performance.now()
    session.send(MAIL)
    await session.expect(250)
    session.send(recipients[number % recipients.length] as Buffer)
    await session.expect(250)
    session.send(DATA)
    await session.expect(354)
    session.send(mails[number % mails.length] as Buffer)
    await session.expect(250)
    tally.done(performance.now() - startMs, job.sizeOctets)
  }
  const slot = async (): Promise<void> => {
    while (begun < job.mails && tally.elapsedMs() <= job.maxMs && tally.failures <= FAILURES_MAX) {
      const mine = Math.min(job.mailsPerSession, job.mails - begun)
      begun += mine
      const session = openSmtpSession(job.port)
      try {
        await session.expect(220)
        session.send(EHLO)
        await session.expect(250)
        for (let i = 0; i < mine; i++) await handIn(session)
        session.send(QUIT)
        await session.expect(221)
      } catch (error) {
        tally.failed(error)
      }
      session.close()
    }
  }
  await Promise.all(Array.from({ length: job.atOnce }, slot))
  return tally.result()
}
