import { fillReply, REPLIES, type Reply } from '@restante/mail'
import { describe, expect, test } from 'vitest'
import { type DataHook, MailDataError, type Policy, type SmtpEvent } from '../src/index.ts'
import { type Bench, startBench, until } from './harness.ts'
import { AUTH } from './replay.ts'

const never = (): Promise<never> => new Promise(() => {})
const REFUSAL: Reply = { code: 450, enhanced: '4.7.1', reason: 'greylisted', text: 'Come back later' }
const rcpt: Policy['rcpt'] = () => null

function faults(bench: Bench): SmtpEvent[] {
  return bench.events.filter((event) => event.event === 'fault')
}

const BROKEN: readonly (readonly [name: string, hook: () => never, code: string])[] = [
  [
    'throws',
    () => {
      throw new Error('broken')
    },
    'threw',
  ],
  ['rejects', (() => Promise.reject(new Error('broken'))) as () => never, 'threw'],
  ['never answers', never as () => never, 'deadline'],
  ['answers nonsense', (() => ({ code: 'x' })) as () => never, 'no-reply'],
]

describe.each(BROKEN)('a hook that %s', (_name, hook, code) => {
  const limits = { policyMs: 30, dataHookMs: 30 }

  test('connect: the peer is asked to come back', async () => {
    await using bench = await startBench({ limits, policy: { rcpt, connect: hook } })
    const client = await bench.client()
    expect(await client.reply()).toBe('421 4.3.0 Could not be checked; try again later')
    expect(faults(bench)).toMatchObject([{ where: 'connect', fault: 'hook', code }])
  })

  test.each([
    ['helo', 'EHLO client.test'],
    ['mail', 'MAIL FROM:<a@b.test>'],
    ['rcpt', 'RCPT TO:<c@d.test>'],
  ] as const)('%s: 451, and the session goes on', async (stage, command) => {
    await using bench = await startBench({ limits, policy: { rcpt, [stage]: hook } })
    const client = await bench.client()
    await client.reply()
    if (stage !== 'helo') await client.ask('EHLO client.test')
    if (stage === 'rcpt') await client.ask('MAIL FROM:<a@b.test>')
    expect(await client.ask(command)).toBe('451 4.3.0 Could not be checked; try again later')
    expect(await client.ask('NOOP')).toBe('250 2.0.0 Ok')
    expect(faults(bench)).toMatchObject([{ where: stage, fault: 'hook', code }])
  })

  test('data: 451, and the session goes on', async () => {
    await using bench = await startBench({ limits, data: hook })
    const client = await bench.client()
    await client.begin()
    await client.ask('DATA')
    expect(await client.ask('x\r\n.')).toBe('451 4.3.0 Could not be stored; try again later')
    expect(await client.ask('NOOP')).toBe('250 2.0.0 Ok')
    expect(faults(bench)).toMatchObject([{ where: 'data', fault: 'hook', code }])
    expect(bench.events).toContainEqual(
      expect.objectContaining({ event: 'transaction', codes: [451], reason: 'store-failed', fault: 'hook' }),
    )
  })

  test('auth: 454, and the session goes on', async () => {
    await using bench = await startBench({ limits, auth: hook, authWithoutTls: 'always' })
    const client = await bench.client()
    await client.reply()
    await client.ask('EHLO client.test')
    expect(await client.ask('AUTH PLAIN AGFubmEAc2VjcmV0')).toMatch(/^454 4\.7\.0 /)
    expect(faults(bench)).toMatchObject([{ where: 'auth', fault: 'hook', code }])
    expect(await client.ask('NOOP')).toBe('250 2.0.0 Ok')
  })
})

describe('policy hooks', () => {
  test('refuse in the words they choose, at every stage', async () => {
    const refuse = (): Reply => REFUSAL
    await using bench = await startBench({
      policy: {
        rcpt: refuse,
        mail: ({ reversePath }) => (reversePath === null ? REFUSAL : null),
        helo: ({ helo }) => (helo === 'bad.test' ? REFUSAL : null),
      },
    })
    const client = await bench.client()
    await client.reply()
    expect(await client.ask('EHLO bad.test')).toBe('450 4.7.1 Come back later')
    expect(await client.ask('MAIL FROM:<a@b.test>')).toBe('503 5.5.1 Say hello first')
    await client.ask('EHLO good.test')
    expect(await client.ask('MAIL FROM:<>')).toBe('450 4.7.1 Come back later')
    await client.ask('MAIL FROM:<a@b.test>')
    expect(await client.ask('RCPT TO:<c@d.test>')).toBe('450 4.7.1 Come back later')
    expect(bench.events).toContainEqual(
      expect.objectContaining({
        event: 'refusal',
        stage: 'rcpt',
        code: 450,
        reason: 'greylisted',
        fault: 'policy',
        from: 'a@b.test',
        to: 'c@d.test',
      }),
    )
  })

  test('connect refuses with 554 and hangs up', async () => {
    const refusal: Reply = { code: 550, enhanced: '5.7.1', reason: 'listed', text: 'Listed' }
    await using bench = await startBench({ policy: { rcpt, connect: () => refusal } })
    const client = await bench.client()
    expect(await client.rest()).toBe('554 5.7.1 Listed\r\n')
  })

  test('accept in their own words, and after a pause', async () => {
    const own: Reply = { code: 250, enhanced: '2.1.5', reason: 'alias', text: 'Will forward' }
    await using bench = await startBench({
      policy: {
        rcpt: () => own,
        mail: async () => ({ slowDownMs: 1 }),
        helo: () => ({ slowDownMs: 1, reply: REFUSAL }),
      },
    })
    const client = await bench.client()
    await client.reply()
    expect(await client.ask('EHLO client.test')).toBe('450 4.7.1 Come back later')
    expect(await client.ask('HELO client.test')).toBe('450 4.7.1 Come back later')
    await using second = await startBench({
      policy: { rcpt: () => own, mail: async () => ({ slowDownMs: 1 }) },
    })
    const other = await second.client()
    expect(await other.begin()).toBe('250 2.1.5 Will forward')
  })

  test('see the evidence', async () => {
    const seen: unknown[] = []
    await using bench = await startBench({
      dsn: true,
      policy: {
        rcpt({ session, reversePath, parameters, recipient, recipientParameters, accepted }) {
          const { id, mode, remoteAddress, helo, tls, protocol, authenticatedAs, errors } = session
          seen.push({ id, mode, remoteAddress, helo, tls, protocol, authenticatedAs, errors })
          seen.push({
            reversePath,
            size: parameters.sizeOctets,
            recipient,
            notify: recipientParameters.notify,
          })
          seen.push(accepted.length)
          return null
        },
      },
    })
    const client = await bench.client()
    await client.reply()
    await client.ask('EHLO client.test')
    await client.ask('MAIL FROM:<a@b.test> SIZE=5')
    await client.ask('RCPT TO:<c@d.test> NOTIFY=NEVER')
    await client.ask('RCPT TO:<PostMaster>')
    expect(seen.slice(0, 3)).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-z]{8,26}$/),
        mode: 'smtp',
        remoteAddress: '127.0.0.1',
        helo: 'client.test',
        tls: null,
        protocol: 'ESMTP',
        authenticatedAs: null,
        errors: 0,
      },
      {
        reversePath: { localPart: 'a', domain: 'b.test' },
        size: 5,
        recipient: { localPart: 'c', domain: 'd.test' },
        notify: ['NEVER'],
      },
      0,
    ])
    expect(seen[4]).toMatchObject({ recipient: { localPart: 'PostMaster', domain: 'mx.test' } })
    expect(seen[5]).toBe(1)
  })

  test('are told when the peer is gone', async () => {
    let asked = false
    let aborted = false
    await using bench = await startBench({
      policy: {
        rcpt: (_recipient, { signal }) =>
          new Promise(() => {
            asked = true
            signal.addEventListener('abort', () => {
              aborted = true
            })
          }),
      },
    })
    const client = await bench.client()
    await client.reply()
    await client.ask('EHLO client.test')
    await client.ask('MAIL FROM:<a@b.test>')
    client.write('RCPT TO:<c@d.test>\r\n')
    await until(() => asked)
    client.socket.resetAndDestroy()
    await until(() => aborted)
    expect(aborted).toBe(true)
  })
})

describe('the data hook', () => {
  test('gets the envelope and the parameters', async () => {
    await using bench = await startBench({ dsn: true })
    const client = await bench.client()
    await client.reply()
    await client.ask('EHLO client.test')
    await client.ask('MAIL FROM:<a@b.test> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=42 SIZE=9')
    await client.ask('RCPT TO:<c@d.test> NOTIFY=FAILURE ORCPT=rfc822;x@y')
    await client.ask('RCPT TO:<C@D.test>')
    await client.ask('DATA')
    await client.ask('x\r\n.')
    const taken = bench.taken[0]
    expect(taken?.envelope).toEqual({
      reversePath: { localPart: 'a', domain: 'b.test' },
      recipients: [{ localPart: 'c', domain: 'd.test' }],
      clientIp: '127.0.0.1',
      helo: 'client.test',
      receivedAtMs: expect.any(Number),
      protocol: 'UTF8SMTP',
      tls: null,
      authenticatedAs: null,
      sessionId: expect.stringMatching(/^[0-9a-z]+\.1$/),
    })
    expect(taken?.parameters).toEqual({
      sizeOctets: 9,
      body: '8BITMIME',
      smtputf8: true,
      requireTls: false,
      ret: 'HDRS',
      envid: '42',
      auth: null,
    })
    expect(taken?.recipientParameters).toEqual([{ notify: null, orcpt: null }])
  })

  test('may answer in the words of an SMTPUTF8 transaction, and only there', async () => {
    await using bench = await startBench({ data: async () => ({ ...REPLIES.accepted, text: 'Für Øyvind' }) })
    const client = await bench.client()
    await client.reply()
    await client.ask('EHLO client.test')
    for (const [parameter, words] of [
      [' SMTPUTF8', 'Für Øyvind'],
      ['', 'F?r ?yvind'],
    ] as const) {
      await client.ask(`MAIL FROM:<a@b.test>${parameter}`)
      await client.ask('RCPT TO:<c@d.test>')
      await client.ask('DATA')
      expect(await client.ask('.')).toBe(`250 2.0.0 ${words}`)
    }
  })

  test('is answered for only after it has settled', async () => {
    const order: string[] = []
    const data: DataHook = async (_envelope, body) => {
      for await (const _ of body);
      await new Promise((resolve) => setTimeout(resolve, 20))
      order.push('durable')
      return REPLIES.accepted
    }
    await using bench = await startBench({ data })
    const client = await bench.client()
    await client.begin()
    await client.ask('DATA')
    await client.ask('.')
    order.push('replied')
    expect(order).toEqual(['durable', 'replied'])
  })

  test('may refuse without reading', async () => {
    await using bench = await startBench({ data: async () => REPLIES['mail-loop'] })
    const client = await bench.client()
    await client.begin()
    await client.ask('DATA')
    client.write('x'.repeat(3_000_000))
    expect(await client.ask('\r\n.')).toMatch(/^554 5\.4\.6 /)
    expect(await client.ask('NOOP')).toBe('250 2.0.0 Ok')
  })

  test('may stop reading and accept', async () => {
    const data: DataHook = async (_envelope, body) => {
      for await (const _ of body) break
      return fillReply(REPLIES.accepted, { id: 'early' })
    }
    await using bench = await startBench({ data })
    const client = await bench.client()
    await client.begin()
    await client.ask('DATA')
    client.write('x'.repeat(3_000_000))
    expect(await client.ask('\r\n.')).toBe('250 2.0.0 Stored as early')
  })

  test('slows the peer when it reads slowly', async () => {
    let go: () => void = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    let octets = 0
    const data: DataHook = async (_envelope, body) => {
      await gate
      for await (const chunk of body) octets += chunk.length
      return REPLIES.accepted
    }
    await using bench = await startBench({ data })
    const client = await bench.client()
    await client.begin()
    await client.ask('DATA')
    const before = process.memoryUsage().arrayBuffers
    const sent = Buffer.alloc(30_000_000, `${'x'.repeat(76)}\r\n`)
    client.write(sent)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(process.memoryUsage().arrayBuffers - before - sent.length).toBeLessThan(8_000_000)
    go()
    expect(await client.ask('\r\n.')).toMatch(/^250 /)
    expect(octets).toBe(Buffer.byteLength(sent) + 2)
  })

  test.each([
    ['DATA', 'half a message', 'disconnected'],
    ['BDAT 5', 'half', 'disconnected'],
  ])('learns that the peer is gone (%s)', async (verb, sent, code) => {
    let cause: unknown
    let octets = 0
    let aborted = false
    const data: DataHook = async (_envelope, body, { signal }) => {
      signal.addEventListener('abort', () => {
        aborted = true
      })
      try {
        for await (const chunk of body) octets += chunk.length
      } catch (error) {
        cause = error
        throw error
      }
      return REPLIES.accepted
    }
    await using bench = await startBench({ data })
    const client = await bench.client()
    await client.begin()
    client.write(`${verb}\r\n${sent}`)
    await until(() => octets === sent.length)
    client.destroy()
    await until(() => bench.events.some((event) => event.event === 'session-end'))
    await until(() => cause !== undefined)
    expect(cause).toBeInstanceOf(MailDataError)
    expect(cause).toMatchObject({ code })
    expect(aborted).toBe(true)
    expect(faults(bench)).toEqual([])
    expect(bench.events).toContainEqual(
      expect.objectContaining({ event: 'transaction', codes: [], reason: 'disconnected', fault: 'peer' }),
    )
  })

  test('learns that the message is given up or too large', async () => {
    const causes: string[] = []
    const data: DataHook = async (_envelope, body) => {
      try {
        for await (const _ of body);
      } catch (error) {
        causes.push((error as MailDataError).code)
        throw error
      }
      return REPLIES.accepted
    }
    await using bench = await startBench({ data, limits: { messageOctets: 10 } })
    const client = await bench.client()
    await client.begin()
    await client.ask('BDAT 1\r\nx')
    await client.ask('RSET')
    await client.ask('MAIL FROM:<a@b.test>')
    await client.ask('RCPT TO:<c@d.test>')
    await client.ask('DATA')
    await client.ask('much too large\r\n.')
    await until(() => causes.length === 2)
    expect(causes).toEqual(['aborted', 'oversized'])
    expect(faults(bench)).toEqual([])
  })

  test('finishes a whole message even if the peer has left', async () => {
    let finish: () => void = () => {}
    const gate = new Promise<void>((resolve) => {
      finish = resolve
    })
    let whole = false
    let aborted = false
    const data: DataHook = async (_envelope, body, { signal }) => {
      for await (const _ of body);
      whole = true
      await gate
      aborted = signal.aborted
      return REPLIES.accepted
    }
    await using bench = await startBench({ data })
    const client = await bench.client()
    await client.begin()
    await client.ask('DATA')
    client.write('x\r\n.\r\n')
    await until(() => whole)
    client.socket.resetAndDestroy()
    await until(() => bench.events.some((event) => event.event === 'session-end'))
    finish()
    await until(() => bench.events.some((event) => event.event === 'transaction'))
    expect(aborted).toBe(false)
    expect(bench.events).toContainEqual(
      expect.objectContaining({ event: 'transaction', codes: [], reason: 'accepted' }),
    )
  })

  test('in LMTP gives each recipient a reply of its own', async () => {
    await using bench = await startBench({
      mode: 'lmtp',
      data: async () => [REPLIES.accepted, REPLIES['over-quota'], REPLIES.accepted],
    })
    const client = await bench.client()
    await client.begin('LHLO client.test')
    await client.ask('RCPT TO:<full@d.test>')
    await client.ask('RCPT TO:<c@d.test>')
    await client.ask('DATA')
    expect(await client.ask('.')).toMatch(/^250 /)
    expect(await client.reply()).toMatch(/^452 4\.2\.2 /)
    expect(await client.reply()).toMatch(/^250 /)
    expect(bench.events).toContainEqual(
      expect.objectContaining({ event: 'transaction', codes: [250, 452, 250] }),
    )
  })

  test('in LMTP with the wrong number of replies fails for all', async () => {
    await using bench = await startBench({ mode: 'lmtp', data: async () => [REPLIES.accepted] })
    const client = await bench.client()
    await client.begin('LHLO client.test')
    await client.ask('RCPT TO:<c@d.test>')
    await client.ask('DATA')
    expect(await client.ask('.')).toMatch(/^451 /)
    expect(await client.reply()).toMatch(/^451 /)
    expect(faults(bench)).toMatchObject([{ where: 'data', code: 'wrong-reply-count' }])
  })

  test.each([
    [['spam-refused', 'accepted'], 250],
    [['spam-refused', 'over-quota'], 452],
    [['spam-refused', 'mail-loop'], 550],
  ] as const)('in SMTP with several replies (%j) answers %i', async (reasons, code) => {
    await using bench = await startBench({ data: async () => reasons.map((reason) => REPLIES[reason]) })
    const client = await bench.client()
    await client.begin()
    await client.ask('DATA')
    expect(await client.ask('.')).toMatch(new RegExp(`^${code} `))
  })
})

test.each([
  [
    'throws',
    () => {
      throw new Error('log is full')
    },
  ],
  ['rejects', async () => Promise.reject(new Error('log is full'))],
])('an event hook that %s hurts nobody', async (_name, onEvent) => {
  await using bench = await startBench({ onEvent })
  const client = await bench.client()
  expect(await client.begin()).toBe('250 2.1.5 Recipient ok')
})

test('logins are told, without passwords', async () => {
  await using bench = await startBench({ auth: AUTH, authWithoutTls: 'always' })
  const client = await bench.client()
  await client.reply()
  await client.ask('EHLO client.test')
  await client.ask('AUTH PLAIN AGFubmEAd3Jvbmc=')
  await client.ask('AUTH PLAIN AGFubmEAc2VjcmV0')
  const logins = bench.events.filter((event) => event.event === 'login')
  expect(logins).toMatchObject([
    { mechanism: 'PLAIN', name: 'anna', account: null, outcome: 'refused' },
    { mechanism: 'PLAIN', name: 'anna', account: 'anna@acme.example', outcome: 'ok' },
  ])
  expect(JSON.stringify(bench.events)).not.toMatch(/secret|wrong/)
})
