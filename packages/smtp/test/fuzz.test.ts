import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Mode } from '../src/index.ts'
import { type Bench, type Client, startBench } from './harness.ts'
import { AUTH } from './replay.ts'

/** How a client gets into each state before the noise begins. */
const STATES: Readonly<Record<string, string>> = {
  greeted: '',
  'after hello': 'EHLO client.test\r\n',
  'after MAIL': 'EHLO client.test\r\nMAIL FROM:<a@b.test>\r\n',
  'after RCPT': 'EHLO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n',
  'in DATA': 'EHLO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n',
  'between chunks': 'EHLO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nBDAT 1\r\nx',
  'in a chunk': 'EHLO client.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nBDAT 50\r\nx',
  'in AUTH PLAIN': 'EHLO client.test\r\nAUTH PLAIN\r\n',
  'in AUTH LOGIN': 'EHLO client.test\r\nAUTH LOGIN YW5uYQ==\r\n',
  'asked for TLS': 'EHLO client.test\r\nSTARTTLS\r\n',
}

const WORDS = [
  'EHLO x\r\n',
  'LHLO x\r\n',
  'HELO x\r\n',
  'MAIL FROM:<a@b.test>',
  'MAIL FROM:<>',
  'RCPT TO:<c@d.test>',
  'RCPT TO:<"c d"@d.test>',
  'RCPT TO:<nobody@d.test>',
  ' SIZE=10',
  ' BODY=8BITMIME',
  ' SMTPUTF8',
  ' NOTIFY=NEVER',
  ' ORCPT=rfc822;a+2B',
  'DATA\r\n',
  'BDAT 3\r\nabc',
  'BDAT 7 LAST\r\n',
  'BDAT 99999999999999999999\r\n',
  'RSET\r\n',
  'NOOP\r\n',
  'QUIT\r\n',
  'AUTH PLAIN AGFubmEAc2VjcmV0\r\n',
  'AUTH LOGIN\r\n',
  'STARTTLS\r\n',
  'XCLIENT ADDR=192.0.2.1 NAME=x.test LOGIN=a\r\n',
  'VRFY a\r\n',
  'HELP\r\n',
  '*\r\n',
  '.\r\n',
  '\r\n.\r\n',
  '\n.\n',
  '..',
  '\r\n',
  '\r',
  '\n',
  '\0',
  '\xff\xfe',
  '\xc3\xa9',
  ':',
  '<',
  '>',
  '"',
  '\\',
  '=',
  ' ',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'x'.repeat(3_000),
  `${'y'.repeat(20_000)}\r\n`,
]

const noise = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 40 }).map((octets) => Buffer.from(octets).toString('latin1')),
  },
)
const stream = fc.array(noise, { maxLength: 25 })

/** Says its piece in the given cuts, then leaves in one of three ways. */
async function babble(
  client: Client,
  opening: string,
  words: readonly string[],
  leave: number,
): Promise<void> {
  client.write(opening)
  for (const word of words) await client.writeAlone(word)
  if (leave === 0) client.socket.resetAndDestroy()
  else if (leave === 1) client.socket.end()
  else client.destroy()
}

async function stillServes(bench: Bench, mode: Mode): Promise<void> {
  const client = await bench.client()
  const before = bench.taken.length
  await client.begin(mode === 'lmtp' ? 'LHLO client.test' : 'EHLO client.test')
  await client.ask('DATA')
  expect(await client.ask('x\r\n.')).toMatch(/^250 /)
  expect(bench.taken.length).toBeGreaterThan(before)
  await client.ask('QUIT')
}

describe.each(['smtp', 'lmtp'] as const)('nothing a peer sends ends the process (%s)', (mode) => {
  test.each(Object.entries(STATES))('%s', async (_state, opening) => {
    const crashes: unknown[] = []
    const note = (error: unknown): number => crashes.push(error)
    process.on('uncaughtException', note)
    process.on('unhandledRejection', note)
    await using bench = await startBench({
      mode,
      auth: AUTH,
      authWithoutTls: 'always',
      dsn: true,
      xclientFrom: ['127.0.0.1'],
      limits: { messageOctets: 30_000, oversizeSlackOctets: 10_000 },
      policy: {
        rcpt: async ({ recipient }) => {
          await new Promise((resolve) => setImmediate(resolve))
          return recipient.localPart === 'nobody'
            ? { code: 550, enhanced: '5.1.1', reason: 'x', text: 'x' }
            : null
        },
      },
    })
    const hello = mode === 'lmtp' ? opening.replace('EHLO', 'LHLO') : opening
    await fc.assert(
      fc.asyncProperty(stream, fc.nat(2), async (words, leave) => {
        await babble(await bench.client(), hello, words, leave)
        expect(crashes).toEqual([])
      }),
      { numRuns: 40 },
    )
    await stillServes(bench, mode)
    process.off('uncaughtException', note)
    process.off('unhandledRejection', note)
    expect(bench.events.filter((event) => event.event === 'fault' && event.fault !== 'peer')).toEqual([])
  })
})

/** Everything the server says to a stream that ends with the peer closing its side. */
async function answers(bench: Bench, chunks: readonly string[]): Promise<string> {
  const client = await bench.client()
  for (const chunk of chunks) await client.writeAlone(chunk)
  client.socket.end()
  return client.rest()
}

test('the answers do not depend on how the octets are cut', async () => {
  await using bench = await startBench({
    auth: AUTH,
    authWithoutTls: 'always',
    dsn: true,
    tls: null,
    limits: { messageOctets: 5_000, oversizeSlackOctets: 1_000 },
    async data(_envelope, body) {
      let octets = 0
      for await (const chunk of body) octets += chunk.length
      return { code: 250, enhanced: '2.0.0', reason: 'accepted', text: `Stored ${octets} octets` }
    },
  })
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.values(STATES)), stream, async (opening, words) => {
      const whole = [opening, ...words].join('')
      const once = await answers(bench, [whole])
      expect(await answers(bench, [opening, ...words])).toBe(once)
      expect(
        await answers(bench, whole.length > 3_000 ? (whole.match(/[\s\S]{1,97}/g) ?? []) : [...whole]),
      ).toBe(once)
    }),
    { numRuns: 150 },
  )
})
