import { afterAll, describe, expect, it } from 'vitest'
import { lookDeep, stopDeepLooks } from '../src/index.ts'
import { mail } from './support.ts'

const SMALL = mail(
  'From: "Anna" <anna@a.example>',
  'To: bob@b.example',
  'Cc: c@c.example',
  'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain',
  '',
  'hello',
  '--b',
  'Content-Type: application/octet-stream; name=a.bin',
  'Content-Disposition: attachment; filename=a.bin',
  'Content-Transfer-Encoding: base64',
  '',
  'AAEC',
  '--b--',
  '',
)

/** Superlinear for mailparser, and passes the cheap checks before it: thousands of nested elements. */
const SLOW = Buffer.from(
  `From: a@b.example\r\nContent-Type: text/html\r\n\r\n${'<div><table><tr><td>x'.repeat(30_000)}`,
)

describe('a deep look', () => {
  afterAll(stopDeepLooks)

  it('takes a message apart', async () => {
    const look = await lookDeep(SMALL, { deadlineMs: 15_000 })
    expect(look).toMatchObject({
      subject: 'Grüße',
      from: [{ name: 'Anna', address: 'anna@a.example' }],
      to: [{ address: 'bob@b.example' }, { address: 'c@c.example' }],
      text: 'hello',
      html: null,
      attachments: [{ name: 'a.bin', type: 'application/octet-stream', sizeOctets: 3 }],
    })
    if ('failed' in look) throw new Error(look.why)
    expect([...(look.attachments[0]?.content ?? [])]).toEqual([0, 1, 2])
    expect(SMALL.length).toBeGreaterThan(0)
  })

  it('leaves no message behind when one is too slow', async () => {
    const [slow, next] = await Promise.all([
      lookDeep(SLOW, { deadlineMs: 50 }),
      lookDeep(SMALL, { deadlineMs: 15_000 }),
    ])
    expect(slow).toMatchObject({ failed: 'timeout' })
    expect(next).toMatchObject({ subject: 'Grüße' })
  })

  it.each([
    ['a header section of 300 KB', `${'X: y\r\n'.repeat(50_000)}\r\nx`],
    ['a folded field of 40 KB', `Subject: ${'a\r\n '.repeat(10_000)}\r\n\r\nx`],
    ['a run of blanks', `Subject: x\r\n\r\nx${' '.repeat(5000)}\r\n`],
  ])('refuses %s before parsing', async (_what, message) => {
    expect(await lookDeep(Buffer.from(message))).toMatchObject({ failed: 'shape' })
  })

  it('refuses more octets than allowed', async () => {
    expect(await lookDeep(SMALL, { maxOctets: 10 })).toMatchObject({ failed: 'too-large' })
  })

  it('stops when it is told to', async () => {
    const abort = new AbortController()
    const looking = lookDeep(SLOW, { deadlineMs: 15_000, signal: abort.signal })
    abort.abort()
    expect(await looking).toMatchObject({ failed: 'aborted' })
    expect(await lookDeep(SMALL, { signal: abort.signal })).toMatchObject({ failed: 'aborted' })
  })
})
