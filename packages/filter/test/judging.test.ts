import { createModel, encodeFeatures, extractFeatures } from '@restante/bayes'
import { latin1Octets, utf8Octets } from '@restante/mail'
import { stopDeepLooks } from '@restante/message'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Fold, hashOf, judgeMessage, lessonOf, loadFold, readMessage } from '../src/index.ts'
import { hamMail, mail, spamMail } from './mails.ts'

let fold: Fold
const model = createModel()
beforeAll(async () => {
  fold = await loadFold()
  for (let i = 0; i < 20; i++) {
    model.learn((await readMessage(spamMail(i), fold)).features, 'spam')
    model.learn((await readMessage(hamMail(i), fold)).features, 'ham')
  }
})
afterAll(() => stopDeepLooks())

test('what looks like known spam gets points and says why; what looks like good mail loses some', async () => {
  const spam = await judgeMessage(spamMail(100), model, fold)
  expect(spam.symbols[0]).toMatchObject({ symbol: 'BAYES_SPAM' })
  expect(spam.symbols[0]?.evidence?.length).toBeGreaterThan(2)
  expect(spam.score).toBeGreaterThanOrEqual(6)
  expect(spam.spamProbability).toBeGreaterThan(0.9)
  const ham = await judgeMessage(hamMail(100), model, fold)
  expect(ham.symbols[0]).toMatchObject({ symbol: 'BAYES_HAM' })
  expect(ham.score).toBeLessThan(0)
})

test('a judgement carries what lists and explanations show', async () => {
  const octets = mail(
    {
      From: '=?utf-8?Q?J=C3=BCrgen?= <j@verein.example>',
      Subject: '=?utf-8?B?0J/RgNC40LLQtdGC?=',
      Date: 'Sun, 22 Nov 2026 07:05:09 +0000',
      'Message-ID': '<a@b>',
      'MIME-Version': '1.0',
      'Content-Type': 'multipart/mixed; boundary=x',
    },
    '--x\nContent-Type: text/plain\n\nhello\n--x\nContent-Type: application/pdf; name=bill.pdf\nContent-Disposition: attachment; filename=bill.pdf\n\n%PDF-1.7\n--x--',
  )
  expect(await judgeMessage(octets, model, fold)).toMatchObject({
    from: 'Jürgen <j@verein.example>',
    subject: 'Привет',
    messageId: 'a@b',
    attachments: [{ name: 'bill.pdf', type: 'application/pdf' }],
    hash: hashOf(octets),
    skipped: [],
  })
})

test('without training there is no probability and no points', async () => {
  const judged = await judgeMessage(spamMail(1), createModel(), fold)
  expect(judged).toMatchObject({ score: 0, spamProbability: null })
  expect(judged.symbols[0]?.symbol).toBe('BAYES_UNTRAINED')
})

const SPAM_WORDS =
  'Congratulations winner! Claim your casino jackpot bonus now, guaranteed free money, act now.'
const broken = (type: string, body: string, more: Record<string, string> = {}) =>
  mail({ From: 'a@b.example', Subject: 'x', 'Content-Type': type, ...more }, body)

test.each<readonly [string, Uint8Array, string]>([
  ['no boundary', broken('multipart/mixed', `--x\n\n${SPAM_WORDS}\n--x--`), 'no-boundary'],
  [
    'unclosed',
    broken('multipart/mixed; boundary=x', `--x\nContent-Type: text/plain\n\n${SPAM_WORDS}`),
    'unclosed-multipart',
  ],
  [
    'base64 that is none',
    broken('text/plain', '????*** not base64 ***', { 'Content-Transfer-Encoding': 'base64' }),
    'bad-base64',
  ],
  [
    'no such encoding',
    broken('text/plain', SPAM_WORDS, { 'Content-Transfer-Encoding': 'x-rot13' }),
    'unknown-encoding',
  ],
  [
    'no such charset',
    Buffer.from(
      'From: a@b\r\nContent-Type: text/plain; charset=klingon-1\r\n\r\n\xe9\xe8 casino\r\n',
      'latin1',
    ),
    'unknown-charset',
  ],
  ['only a header', latin1Octets('From: a@b.example'), 'no-body'],
  ['nothing', new Uint8Array(0), 'no-from'],
  ['zero octets', latin1Octets('From: a@b\r\n\r\na\0b\r\n'), 'zero-octets'],
])('broken MIME is judged, and marked: %s', async (_, octets, defect) => {
  const judged = await judgeMessage(octets, model, fold)
  expect(judged.defects).toContain(defect)
  expect(judged.symbols.find(({ symbol }) => symbol === 'BROKEN_MAIL')?.evidence).toContain(defect)
  expect(judged.symbols[0]?.symbol).toMatch(/^BAYES_/)
})

test("where our walk is in doubt, mailparser's second look counts too", async () => {
  const doubtful = broken(
    'multipart/alternative; boundary=x',
    '--x\nContent-Type: text/plain\n\nalpha beta gamma\n--x\nContent-Type: text/html\n\n<b>x</b>',
  )
  const { facts, features, skipped } = await readMessage(doubtful, fold)
  expect(facts.defects).toContain('unclosed-multipart')
  expect(facts.text).toBe('x')
  expect(skipped).toEqual([])
  const own = extractFeatures(facts, { fold })
  expect(encodeFeatures(features)).not.toEqual(encodeFeatures(own))
  expect(encodeFeatures(features)).toEqual(
    encodeFeatures(extractFeatures({ ...facts, text: 'alpha beta gamma' }, { fold })),
  )
})

test('a mail larger than the deep look takes is judged by our own walk alone', async () => {
  const large = broken('multipart/mixed; boundary=x', `--x\n\n${`${SPAM_WORDS}\n`.repeat(12_000)}`)
  expect(large.length).toBeGreaterThan(1_000_000)
  const judged = await judgeMessage(large, model, fold)
  expect(judged.skipped).toEqual([])
  expect(judged.defects).toContain('unclosed-multipart')
})

test('any octets are judged: bounded strings, finite score', async () => {
  const piece = fc.constantFrom(
    'Content-Type: multipart/mixed; boundary=x\r\n',
    'Content-Type: text/html\r\n',
    'Content-Transfer-Encoding: base64\r\n',
    'Subject: =?utf-8?B?////?=\r\n',
    'From: "<><" <@>\r\n',
    '\r\n',
    '--x\r\n',
    '--x--\r\n',
    '<a href="http://x.example">http://y.example</a>',
    '\0\xff\xfe',
    'AAAA',
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 20 }),
      fc.uint8Array({ maxLength: 60 }),
      async (pieces, noise) => {
        const octets = Buffer.concat([Buffer.from(pieces.join(''), 'latin1'), noise])
        const judged = await judgeMessage(octets, model, fold)
        expect(Number.isFinite(judged.score)).toBe(true)
        expect(judged.subject.length + judged.from.length + judged.messageId.length).toBeLessThanOrEqual(900)
        expect(judged.attachments.length).toBeLessThanOrEqual(50)
        expect(structuredClone(judged)).toEqual(judged)
      },
    ),
    { numRuns: 150 },
  )
})

test('a lesson is the same for a message as it came and as we delivered it', async () => {
  const message = spamMail(3)
  const prefix = utf8Octets(
    'Return-Path: <a@b>\r\nDelivered-To: anna@acme.example\r\nReceived: by h (Restante) with local id 1\r\n\tfor <a@b>; now\r\nX-Spam-Flag: YES\r\n',
  )
  const delivered = Buffer.concat([prefix, message])
  const [asItCame, asDelivered] = [await lessonOf(message, fold), await lessonOf(delivered, fold)]
  expect(asDelivered).toEqual(asItCame)
  expect(asItCame.hash).toBe(hashOf(message))
  expect(asItCame.features).toEqual(encodeFeatures((await readMessage(message, fold)).features))
})
