import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { takePrefix } from '../src/expectation.ts'
import { makeFolder, removeFolder, runCommand, startInstance } from '../src/instance.ts'
import { type Outgoing, sendAll } from '../src/sending.ts'

const DELIVERIES = 1000
const CONNECTIONS = 8
/** Kills come after this many acknowledgements, so that rounds are of different lengths. */
const KILL_AFTER = [7, 150, 61, 240, 33, 199, 310]

test('kill -9 of the whole process group while 1,000 messages come in loses none that got its 250', async () => {
  const folder = makeFolder()
  const data = join(folder, 'data')
  const options = ['--limits', 'off', '--account', 'anna@acme.example:a', '--account', 'bob@acme.example:b']
  const acknowledged = new Set<string>()
  const tried = new Map<string, string>()
  let rounds = 0
  try {
    while (acknowledged.size < DELIVERIES) {
      const instance = await startInstance(data, options)
      const killAfter = KILL_AFTER[rounds % KILL_AFTER.length] as number
      const batch = Array.from({ length: DELIVERIES - acknowledged.size }, (_, i) => message(rounds, i))
      for (const { subject, text } of batch) tried.set(subject, text)
      let acknowledgedNow = 0
      let killed: Promise<void> | null = null
      await sendAll(
        instance.ready.smtp,
        batch.map(({ outgoing }) => outgoing),
        CONNECTIONS,
        (index, result) => {
          if ('reply' in result) {
            acknowledged.add(batch[index]?.subject as string)
            acknowledgedNow++
            if (acknowledgedNow >= killAfter) killed ??= instance.kill()
          }
        },
      )
      await (killed ?? instance.kill())
      rounds++
    }
    expect(rounds).toBeGreaterThan(3)

    for (const account of ['anna@acme.example', 'bob@acme.example']) {
      const dumped = await runCommand(['mail', 'dump', '--account', account, '--data', data])
      expect(dumped).toMatchObject({ code: 0, err: '' })
      const stored = new Map<string, number>()
      for (const text of messagesOf(dumped.out)) {
        const sent = takePrefix(text)?.sent ?? ''
        const subject = /^Subject: (.*)\r$/m.exec(sent)?.[1] ?? ''
        // Octet for octet what was sent: nothing half-written is ever visible.
        expect(sent).toBe(tried.get(subject))
        stored.set(subject, (stored.get(subject) ?? 0) + 1)
      }
      expect([...acknowledged].filter((subject) => !stored.has(subject))).toEqual([])
      expect([...stored].filter(([, copies]) => copies !== 1)).toEqual([])
    }
  } finally {
    removeFolder(folder)
  }
}, 300_000)

function message(round: number, index: number): { subject: string; text: string; outgoing: Outgoing } {
  const subject = `round ${round} message ${index}`
  const filling = createHash('sha256').update(subject).digest('hex')
  const lines = Array.from(
    { length: 1 + (index % 60) },
    (_, line) => `${line % 7 === 0 ? '.' : ''}${line} ${filling}`,
  )
  const text = `From: a@far.example\r\nSubject: ${subject}\r\n\r\n${lines.join('\r\n')}\r\n`
  return {
    subject,
    text,
    outgoing: {
      from: 'a@far.example',
      to: ['anna@acme.example', 'bob@acme.example'],
      octets: Buffer.from(text),
    },
  }
}

/** The messages of `mail dump`: `MSG <octets>\n` and that many octets each. */
function messagesOf(dump: Buffer): string[] {
  const messages: string[] = []
  for (let at = 0; at < dump.length; ) {
    const lineEnd = dump.indexOf(10, at)
    const size = Number(/^MSG (\d+)$/.exec(dump.toString('latin1', at, lineEnd))?.[1])
    messages.push(dump.toString('latin1', lineEnd + 1, lineEnd + 1 + size))
    at = lineEnd + 1 + size
  }
  return messages
}
