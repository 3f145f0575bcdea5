import { describe, expect, test } from 'vitest'
import { Pop3Error } from '../src/index.ts'
import { MAIL, rejection, start, textOf } from './start.ts'

describe('a session', () => {
  test('knows every command', async () => {
    const { connect, event } = await start()
    const client = await connect()
    expect(await client.stat()).toEqual({ count: 3, sizeOctets: MAIL.join('').length })
    expect(await client.list()).toEqual(MAIL.map((mail, i) => ({ number: i + 1, sizeOctets: mail.length })))
    expect(await client.list(2)).toEqual({ number: 2, sizeOctets: 29 })
    const ids = await client.uidl()
    expect(new Set(ids.map(({ id }) => id)).size).toBe(3)
    expect(await client.uidl(3)).toEqual(ids[2])
    expect(await textOf(client.retr(2))).toBe(MAIL[1])
    expect((await client.retrWhole(1)).toString()).toBe(Buffer.from(MAIL[0] as string).toString())
    expect(await textOf(client.top(2, 1))).toBe('Subject: two\r\n\r\n.second\r\n')
    expect(Buffer.from(await client.topWhole(2, 0)).toString()).toBe('Subject: two\r\n\r\n')
    expect((await client.capa()).tags.has('PIPELINING')).toBe(true)
    await client.dele(1)
    await client.dele(2)
    await client.rset()
    await client.dele(3)
    await client.noop()
    await client.quit()
    expect(client.closed).toBe(true)
    expect(await event('session-end')).toMatchObject({ reason: 'quit', deleted: 1 })
  })

  test('answers many calls at once, in order, with few octets on the way', async () => {
    const { connect } = await start()
    const client = await connect({ window: 8 })
    const calls = Array.from({ length: 500 }, (_, i) =>
      i % 5 === 0 ? client.retrWhole((i % 3) + 1) : client.list((i % 3) + 1),
    )
    const answers = await Promise.all(calls)
    for (const [i, answer] of answers.entries()) {
      const mail = MAIL[i % 3] as string
      if (answer instanceof Uint8Array) expect(Buffer.from(answer).toString()).toBe(mail)
      else expect(answer).toEqual({ number: (i % 3) + 1, sizeOctets: mail.length })
    }
  })

  test('a refusal among pipelined calls concerns its own call only', async () => {
    const { connect } = await start()
    const client = await connect()
    const done = await Promise.allSettled([
      client.list(1),
      client.list(9),
      client.retrWhole(8),
      client.dele(7),
      textOf(client.retr(6)),
      client.list(3),
    ])
    expect(done.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
      'rejected',
      'rejected',
      'fulfilled',
    ])
    expect(done[1]).toMatchObject({ reason: { code: 'refused', message: 'LIST 9: No such message' } })
    expect(client.closed).toBe(false)
  })

  test('numbers that are none are not sent', async () => {
    const { connect } = await start()
    const client = await connect()
    for (const number of [-1, 1.5, Number.NaN, 2 ** 60]) expect(() => client.retr(number)).toThrow(RangeError)
    expect((await client.stat()).count).toBe(3)
  })
})

test('UTF-8 in a header is given to those who ask for it', async () => {
  const { connect } = await start({ utf8: 'strict' }, [Buffer.from('Subject: grüße\r\n\r\n')])
  {
    await using client = await connect()
    expect(await rejection(client.retrWhole(1))).toMatchObject({ code: 'refused', responseCode: 'UTF8' })
  }
  await using client = await connect({ utf8: true })
  expect(Buffer.from(await client.retrWhole(1)).toString()).toBe('Subject: grüße\r\n\r\n')
})

describe('deleting', () => {
  test('happens at quit', async () => {
    const { connect } = await start()
    const client = await connect()
    await client.dele(2)
    await client.quit()
    const again = await connect()
    expect(await again.list()).toEqual([
      { number: 1, sizeOctets: 23 },
      { number: 2, sizeOctets: 18 },
    ])
  })

  test('does not happen where the session is dropped, or disposed of', async () => {
    const { connect, event } = await start()
    {
      await using client = await connect()
      await client.dele(1)
    }
    expect(await event('session-end')).toMatchObject({ reason: 'quit', deleted: 0 })
    const client = await connect()
    await client.dele(1)
    client.close()
    await expect(client.stat()).rejects.toMatchObject({ code: 'closed' })
    await expect.poll(async () => (await (await connect()).stat()).count).toBe(3)
  })

  test('a QUIT that the server could not do is told', async () => {
    const { connect, store } = await start()
    const open = store.open
    store.open = async (key) => {
      const opened = await open(key)
      if ('maildrop' in opened) opened.maildrop.commit = async () => ({ failed: 'unavailable' })
      return opened
    }
    const client = await connect()
    await client.dele(1)
    expect(await rejection(client.quit())).toMatchObject({
      code: 'sys-temp',
      responseCode: 'SYS/TEMP',
      passes: true,
    })
    expect(client.closed).toBe(true)
  })
})

const LARGE = Buffer.from(`Subject: large\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(400_000)}`)

describe('retrieving', () => {
  test('a large message comes in pieces, at the pace of its reader', async () => {
    const { connect, event, events } = await start({}, [LARGE])
    const client = await connect()
    let octets = 0
    let pieces = 0
    for await (const piece of client.retr(1)) {
      octets += piece.length
      expect(piece.length).toBeLessThan(1_048_576)
      // Nobody reads for a while: what is on its way stays with the server.
      if (++pieces === 3) {
        await new Promise((resolve) => setTimeout(resolve, 100))
        expect(events.filter(({ type }) => type === 'retrieved')).toEqual([])
      }
    }
    expect(octets).toBe(LARGE.length)
    expect(pieces).toBeGreaterThan(10)
    await client.quit()
    expect(await event('retrieved')).toMatchObject({ sizeOctets: LARGE.length })
  })

  test('who leaves early loses nothing but the rest', async () => {
    const { connect } = await start({}, [LARGE, 'Subject: b\r\n\r\nx\r\n'])
    const client = await connect()
    for await (const piece of client.retr(1)) {
      expect(piece.length).toBeGreaterThan(0)
      break
    }
    expect(await textOf(client.retr(2))).toBe('Subject: b\r\n\r\nx\r\n')
  })

  test('other calls wait until a message has been read', async () => {
    const { connect } = await start({}, [LARGE])
    const client = await connect()
    const order: string[] = []
    const reading = textOf(client.retr(1)).then(() => order.push('read'))
    const stat = client.stat().then(() => order.push('stat'))
    await Promise.all([reading, stat])
    expect(order).toEqual(['read', 'stat'])
  })

  test('many messages in a row', async () => {
    const { connect } = await start()
    const client = await connect()
    const said: string[] = []
    for await (const { number, octets } of client.retrMany([3, 1, 2, 1]))
      said.push(`${number} ${await textOf(octets)}`)
    expect(said).toEqual([`3 ${MAIL[2]}`, `1 ${MAIL[0]}`, `2 ${MAIL[1]}`, `1 ${MAIL[0]}`])
  })

  test('many messages, most of them not read, or left in the middle', async () => {
    const { connect } = await start()
    const client = await connect()
    const seen: number[] = []
    for await (const { number, octets } of client.retrMany([1, 2, 3, 1, 2, 3])) {
      seen.push(number)
      if (seen.length === 2) expect(await textOf(octets)).toBe(MAIL[1])
      if (seen.length === 4) break
    }
    expect(seen).toEqual([1, 2, 3, 1])
    expect((await client.stat()).count).toBe(3)
  })

  test('a message larger than allowed ends the session', async () => {
    const { connect } = await start({}, [LARGE])
    const client = await connect()
    expect(await rejection(client.retrWhole(1, { maxOctets: 1_000 }))).toMatchObject({ code: 'too-large' })
    expect(client.closed).toBe(true)
    await expect(client.stat()).rejects.toMatchObject({ code: 'too-large' })
  })
})

describe('signals', () => {
  test('a call that is given up does not disturb the others', async () => {
    const { connect } = await start({}, [LARGE, 'Subject: b\r\n\r\nx\r\n'])
    const client = await connect()
    const giving = new AbortController()
    const { signal } = giving
    const reading = (async () => {
      for await (const _ of client.retr(1, { signal })) giving.abort(new Error('enough'))
    })()
    const unsent = client.uidl(1, { signal })
    const other = client.list(2)
    expect(await rejection(reading)).toMatchObject({ message: 'enough' })
    expect(await rejection(unsent)).toMatchObject({ message: 'enough' })
    expect(await rejection(client.stat({ signal }))).toMatchObject({ message: 'enough' })
    expect(await other).toEqual({ number: 2, sizeOctets: 17 })
  })

  test('the signal of the connection ends all of it', async () => {
    const { connect, event } = await start({}, [LARGE])
    const giving = new AbortController()
    const client = await connect({ signal: giving.signal })
    const reading = (async () => {
      for await (const _ of client.retr(1)) giving.abort(new Error('enough'))
    })()
    const error = await rejection(reading)
    expect(error).toBeInstanceOf(Pop3Error)
    expect(error).toMatchObject({ code: 'closed', cause: { message: 'enough' } })
    await event('session-end')
  })
})
