import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requirePeer } from '@restante/peers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { corpusMessages, type LabelledMessage, ownMessages } from '../src/corpus.ts'
import { inCrlfForm, takePrefix, withoutForeignFields } from '../src/expectation.ts'
import { CLIENTS, type Client, type Maildrop, OUR_OWN } from '../src/fetching.ts'
import { type Instance, makeFolder, removeFolder, runCommand, startInstance } from '../src/instance.ts'
import { type Outgoing, type SendResult, sendAll } from '../src/sending.ts'

const AUTHSERV_ID = 'mail.acme.example'
const CONNECTIONS = 8
/** The clients that are here; one that is not is skipped by name, or fails where peers are required. */
const HERE = CLIENTS.filter(({ program }) => program === OUR_OWN || !requirePeer(program).missing)
const SLOW = HERE.find(({ program }) => program === 'getmail')
const QUICK = HERE.filter((client) => client !== SLOW)
const FAITHFUL = HERE.filter(({ keeps }) => keeps === 'octets')
const corpusFolder = process.env['RESTANTE_CORPUS']

interface Sample {
  readonly name: string
  /** At least this share of the spam the filter was not trained on is tagged or held. */
  readonly caught: number
  /** At most this share of the good mail it was not trained on is. */
  readonly wronged: number
  read(): readonly LabelledMessage[]
}

const own: Sample = {
  name: 'our own messages',
  caught: 0,
  wronged: 0,
  read: () => ownMessages(join(import.meta.dirname, 'data')),
}
const corpus: Sample = {
  name: 'the developer corpus',
  caught: 0.9,
  wronged: 0.01,
  read: () => corpusMessages(corpusFolder as string),
}

describe.each(corpusFolder === undefined ? [own] : [own, corpus])('$name', (sample) => {
  mainJob(sample)
})

if (corpusFolder === undefined) {
  test.runIf(false)('the developer corpus (left out: RESTANTE_CORPUS is not set)', () => {})
}

function mainJob(sample: Sample): void {
  const messages = sample.read()
  // Half of what has a label, spread over all clients.
  const trained = new Set(messages.filter((message, i) => message.label !== null && (i >> 2) % 2 === 0))
  // The clients take turns, the slow one (getmail, a process and a pause a message) one time in sixteen only; every
  // tenth message goes to two of them, as one transaction. Odd shapes, and
  // lines so long that fetchmail puts a NUL into them, go to those that keep every octet.
  const clientOf = (i: number, turn: number): Client => {
    const { label, octets } = messages[i] as LabelledMessage
    if (label === null || hasLongLine(octets)) return FAITHFUL[turn % FAITHFUL.length] as Client
    return (turn % 16 === 3 ? SLOW : undefined) ?? (QUICK[turn % QUICK.length] as Client)
  }
  const recipientsOf = (i: number): readonly Client[] => [
    ...new Set([clientOf(i, i), ...(i % 10 === 0 ? [clientOf(i, i + 1)] : [])]),
  ]
  const addressOf = (client: Client): string => `${client.program}@acme.example`

  const tally = { spam: 0, caught: 0, ham: 0, wronged: 0 }
  let folder: string
  let instance: Instance
  let sent: readonly SendResult[]

  beforeAll(async () => {
    folder = makeFolder()
    const accounts = HERE.flatMap((client) => [
      '--account',
      `${addressOf(client)}:pass word ${client.program}`,
    ])
    instance = await startInstance(join(folder, 'data'), [
      '--limits',
      'off',
      '--config',
      writeConfig(folder),
      ...accounts,
    ])
    for (const label of ['ham', 'spam'] as const) {
      const lessons = join(folder, label)
      mkdirSync(lessons)
      for (const [i, message] of messages.entries()) {
        if (message.label === label && trained.has(message))
          writeFileSync(join(lessons, `${i}.eml`), message.octets)
      }
      const learned = await runCommand(['learn', label, lessons, '--data', instance.data, '--json'])
      expect(learned).toMatchObject({ code: 0, err: '' })
    }
    const outgoing = messages.map(
      (message, i): Outgoing => ({
        from: 'sender@far.example',
        to: recipientsOf(i).map(addressOf),
        octets: Buffer.from(inCrlfForm(message.octets), 'latin1'),
      }),
    )
    sent = await sendAll(instance.ready.smtp, outgoing, CONNECTIONS)
  }, 600_000)

  afterAll(async () => {
    expect(await instance.stop()).toBe(0)
    removeFolder(folder)
  }, 60_000)

  test('every message was taken', () => {
    expect(
      sent
        .map((result, i) => ({ name: messages[i]?.name, result }))
        .filter(({ result }) => !('reply' in result)),
    ).toEqual([])
  })

  for (const absent of CLIENTS.filter((client) => !HERE.includes(client))) {
    test.runIf(false)(`${absent.program} fetches${requirePeer(absent.program).note}`, () => {})
  }

  describe.each(HERE)('$program fetches', (client) => {
    const login = (suffix: string): Maildrop => ({
      port: instance.ready.pop3s,
      login: addressOf(client) + suffix,
      password: `pass word ${client.program}`,
    })
    const fetchInto = async (name: string, suffix: string): Promise<readonly string[]> => {
      const into = join(folder, `${client.program}-${name}`)
      mkdirSync(into)
      return (await client.fetch(login(suffix), into)).map((octets) => asCrlf(client, octets))
    }

    test('every message, equal to what was sent, none twice, spam where the thresholds say', async () => {
      const inbox = await fetchInto('inbox', '')
      const quarantine = await fetchInto('quarantine', '/quarantine')
      const expected = new Map<string, LabelledMessage[]>()
      for (const [i, message] of messages.entries()) {
        if (!recipientsOf(i).includes(client)) continue
        const text = asKept(client, withoutForeignFields(inCrlfForm(message.octets), AUTHSERV_ID))
        expected.set(text, [...(expected.get(text) ?? []), message])
      }
      for (const [place, texts] of [
        ['inbox', inbox],
        ['quarantine', quarantine],
      ] as const) {
        for (const text of texts) {
          const fetched = takePrefix(text)
          if (fetched === null) throw new Error(`no prefix of ours: ${text.slice(0, 400)}`)
          const kept = asKept(client, fetched.sent)
          const same = expected.get(kept)
          const message = same?.pop()
          if (message === undefined)
            throw new Error(`not sent, or fetched twice: ${differenceFrom(kept, [...expected.keys()])}`)
          if (same?.length === 0) expected.delete(kept)
          expect(fetched.deliveredTo).toMatch(/@acme\.example$/)
          expect({ name: message.name, place, flagged: fetched.flagged, verdict: fetched.verdict }).toEqual({
            name: message.name,
            place: fetched.score >= 9 ? 'quarantine' : 'inbox',
            flagged: fetched.score >= 6,
            verdict: fetched.score >= 9 ? 'quarantined' : fetched.score >= 6 ? 'tagged' : 'delivered',
          })
          if (message.label === 'spam' && !trained.has(message)) {
            tally.spam++
            if (fetched.flagged) tally.caught++
          }
          if (message.label === 'ham' && !trained.has(message)) {
            tally.ham++
            if (fetched.flagged) tally.wronged++
          }
        }
      }
      expect([...expected.values()].flat().map((message) => message.name)).toEqual([])
    }, 600_000)

    test('a second time finds what it left on the server, and nothing else', async () => {
      const again = await fetchInto('again', '')
      const kept = (
        await runCommand([
          'mail',
          'dump',
          '--account',
          addressOf(client),
          '--folder',
          'inbox',
          '--data',
          instance.data,
        ])
      ).out
      const stored = kept.toString('latin1').match(/^MSG \d+\n/gm) ?? []
      if (client.deletes)
        expect({ again: again.length, stored: stored.length }).toEqual({ again: 0, stored: 0 })
      else expect(again.length).toBeGreaterThan(0)
    }, 120_000)
  })

  test('what the filter had not seen was judged well enough', () => {
    expect(tally.spam).toBeGreaterThan(0)
    expect(tally.ham).toBeGreaterThan(0)
    expect(tally.caught / tally.spam, JSON.stringify(tally)).toBeGreaterThanOrEqual(sample.caught)
    expect(tally.wronged / tally.ham, JSON.stringify(tally)).toBeLessThanOrEqual(sample.wronged)
  })
}

/** Whether a line is longer than fetchmail can carry (8 KB). */
function hasLongLine(octets: Uint8Array): boolean {
  return Buffer.from(octets)
    .toString('latin1')
    .split('\n')
    .some((line) => line.length > 8000)
}

/** Nothing is refused here: every message must arrive somewhere. */
function writeConfig(folder: string): string {
  const file = join(folder, 'restante.yaml')
  writeFileSync(file, 'spam:\n  thresholds: { tag: 6, quarantine: 9, reject: never }\n')
  return file
}

/** What a client wrote, with CRLF line ends. */
function asCrlf(client: Client, octets: Buffer): string {
  const text = octets.toString('latin1')
  return client.keeps === 'octets' ? text : text.replace(/\r?\n/g, '\r\n')
}

/**
 * A message as far as a client keeps it: both sides of the comparison go through here. The client that takes messages
 * apart also closes a multipart that was left open.
 */
function asKept(client: Client, text: string): string {
  return client.keeps === 'all but white space'
    ? text
        .replace(/\s+/g, ' ')
        .trim()
        .replace(/(?: --\S+--)+$/, '')
    : text
}

/** Where a text parts from the expected one that shares most of its end with it. */
function differenceFrom(text: string, expected: readonly string[]): string {
  const end = text.slice(-300)
  const near =
    expected.find((candidate) => candidate.endsWith(end)) ??
    expected.find((candidate) => candidate.startsWith(text.slice(0, 300)))
  if (near === undefined) return JSON.stringify(text.slice(0, 500))
  let at = 0
  while (at < text.length && text[at] === near[at]) at++
  return `at ${at}: got ${JSON.stringify(text.slice(Math.max(0, at - 60), at + 120))}, sent ${JSON.stringify(near.slice(Math.max(0, at - 60), at + 120))}`
}
