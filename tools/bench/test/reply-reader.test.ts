import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ReplyReader } from '../src/load/pop3-session.ts'

/** Octets in pieces that end at the given places. */
function pieces(octets: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...new Set(cuts.map((cut) => cut % octets.length)), octets.length].sort((a, b) => a - b)
  return ends
    .map((end, index) => octets.subarray(ends[index - 1] ?? 0, end))
    .filter(({ length }) => length > 0)
}

describe('however octets arrive', () => {
  const body = 'Subject: x\r\n\r\nhello\r\n..dot\r\n'
  const wire = Buffer.from(`+OK ready\r\n+OK 3 300\r\n+OK\r\n${body}.\r\n+OK next\r\n${body}.\r\n+OK bye\r\n`)

  test('replies are cut where they end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 40 }), async (cuts) => {
        const reader = new ReplyReader()
        const replies = [
          reader.next('status'),
          reader.next('status'),
          reader.next('body', body.length + 3),
          reader.next('body', body.length + 3),
          reader.next('status'),
        ]
        for (const piece of pieces(wire, cuts)) reader.push(piece)
        const read = await Promise.all(replies)
        expect(read.map(({ status }) => status)).toEqual([
          '+OK ready',
          '+OK 3 300',
          '+OK',
          '+OK next',
          '+OK bye',
        ])
        expect(read[3]?.octets).toBe(body.length + 3)
      }),
    )
  })

  test('a list ends with its dot line', async () => {
    const list = Buffer.from('+OK\r\n1 a\r\n2 b\r\n.\r\n')
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { maxLength: 20 }), async (cuts) => {
        const reader = new ReplyReader()
        const reply = reader.next('lines', 0, true)
        for (const piece of pieces(list, cuts)) reader.push(piece)
        expect((await reply).kept?.toString()).toBe('1 a\r\n2 b\r\n.\r\n')
      }),
    )
  })
})

test('an empty list is one dot line', async () => {
  const reader = new ReplyReader()
  const reply = reader.next('lines')
  reader.push(Buffer.from('+OK none\r\n.\r\n'))
  expect(await reply).toEqual({ status: '+OK none', octets: 3, kept: null })
})

test('-ERR rejects the one that was awaited', async () => {
  const reader = new ReplyReader()
  const refused = reader.next('body', 100)
  const after = reader.next('status')
  reader.push(Buffer.from('-ERR no such message\r\n+OK\r\n'))
  await expect(refused).rejects.toThrow('-ERR no such message')
  expect((await after).status).toBe('+OK')
})

test('a body of another length than told is an error', () => {
  const reader = new ReplyReader()
  reader.next('body', 8).catch(() => {})
  expect(() => reader.push(Buffer.from('+OK\r\nabcdefgh.\r\n'))).toThrow('does not end where its size says')
})

test('what nobody asked for is an error, and a first line has an end', () => {
  expect(() => new ReplyReader().push(Buffer.from('+OK\r\n'))).toThrow('nobody asked')
  const reader = new ReplyReader()
  reader.next('status').catch(() => {})
  expect(() => reader.push(Buffer.alloc(5000, 'x'))).toThrow('without an end')
})

test('a broken connection rejects all that is awaited, and all to come', async () => {
  const reader = new ReplyReader()
  const awaited = [reader.next('status'), reader.next('status')]
  reader.fail(new Error('gone'))
  for (const each of [...awaited, reader.next('status')]) await expect(each).rejects.toThrow('gone')
})
