import { describe, expect, onTestFinished, test } from 'vitest'
import { createTestMail, type Pop3Fault, type SmtpFault, type TestMail } from '../src/index.ts'
import { rejection, send } from './sending.ts'

async function start(): Promise<TestMail> {
  const mail = await createTestMail()
  onTestFinished(() => mail.close())
  return mail
}

const LETTER = { to: ['anna@test.example', 'ben@test.example'], text: 'x\n'.repeat(50_000) }

describe('SMTP', () => {
  test.each<[SmtpFault, Record<string, unknown>]>([
    ['451 4.3.0 Try again later', { responseCode: 451, response: '451 4.3.0 Try again later' }],
    [{ refuse: '554 5.7.1 No', at: 'connect' }, { responseCode: 554 }],
    [{ refuse: '450 4.7.1 Greylisted', at: 'rcpt' }, { responseCode: 450 }],
    [{ refuse: '550 5.1.8 Who', at: 'mail' }, { responseCode: 550 }],
    [{ refuse: '552' }, { responseCode: 552, response: '552 5.0.0 Refused by a test' }],
    [{ dropAfterOctets: 0 }, { code: 'ECONNECTION' }],
    [{ dropAfterOctets: 60_000 }, { code: 'ECONNECTION' }],
  ])('%j', async (fault, expected) => {
    const mail = await start()
    const handle = mail.fail('smtp', fault)
    const error = await rejection(send(mail, LETTER))
    if (expected['code'] === undefined) expect(error).toMatchObject(expected)
    else expect(error['responseCode']).toBeUndefined()
    expect(mail.messages()).toEqual([])
    expect(handle.hits).toBeGreaterThan(0)
    handle.end()
    await send(mail, LETTER)
    expect((await mail.waitFor()).envelope.to).toEqual(LETTER.to)
  })

  test('one recipient only', async () => {
    const mail = await start()
    using _ = mail.fail('smtp', { refuse: '550 5.1.1 Gone', at: 'rcpt', to: 'ben' })
    await send(mail, LETTER)
    expect((await mail.waitFor()).envelope.to).toEqual(['anna@test.example'])
  })

  test('a login', async () => {
    const mail = await start()
    using _ = mail.fail('smtp', { refuse: '454 4.7.0 Not now', at: 'auth' })
    expect(await rejection(send(mail, LETTER, { auth: mail.credentials('anna') }))).toMatchObject({
      responseCode: 454,
    })
  })

  test('so many times, the latest first, and until disposed of', async () => {
    const mail = await start()
    {
      using lasting = mail.fail('smtp', '451 4.0.0 lasting')
      const twice = mail.fail('smtp', '452 4.0.0 twice', { times: 2 })
      const codes: unknown[] = []
      for (let i = 0; i < 4; i++) codes.push((await rejection(send(mail, LETTER)))['responseCode'])
      expect(codes).toEqual([452, 452, 451, 451])
      expect([lasting.hits, twice.hits]).toEqual([2, 2])
    }
    await send(mail, LETTER)
    expect(mail.messages()).toHaveLength(1)
  })

  test('slow, but whole', async () => {
    const mail = await start()
    const slow = mail.fail('smtp', { slowMs: 1 })
    await send(mail, LETTER)
    expect((await mail.waitFor()).text.length).toBe(150_000)
    expect(slow.hits).toBe(1)
  })

  test('silent', async () => {
    const mail = await start()
    mail.fail('smtp', { silent: true })
    const { createTransport } = await import('nodemailer')
    const transport = createTransport({ ...mail.smtp, tls: { ...mail.smtp.tls }, greetingTimeout: 50 })
    expect(await rejection(transport.sendMail({ from: 'a@b.example', ...LETTER }))).toMatchObject({
      code: 'ETIMEDOUT',
    })
  })

  test.each(['', '250 fine', 'later', '451 2.0.0 odd\r\n', '45'])('%j is no refusal', async (reply) => {
    const mail = await start()
    expect(() => mail.fail('smtp', reply)).toThrow(RangeError)
    expect(() => mail.fail('smtp', { refuse: reply })).toThrow(RangeError)
  })
})

describe('POP3', () => {
  test.each<[Pop3Fault, string]>([
    ['in-use', 'in-use'],
    ['auth', 'auth'],
    ['sys-perm', 'sys-perm'],
    ['login-delay', 'login-delay'],
    [{ login: 'sys-temp' }, 'sys-temp'],
    [{ dropAfterOctets: 0 }, 'closed'],
    [{ dropAfterOctets: 30_000 }, 'closed'],
  ])('%j', async (fault, code) => {
    const mail = await start()
    await send(mail, LETTER)
    const handle = mail.fail('pop3', fault, { times: 1 })
    expect(await rejection(mail.pop3('anna').retr(1))).toMatchObject({ code })
    expect(handle.hits).toBe(1)
    await expect
      .poll(() =>
        mail
          .pop3('anna')
          .retr(1)
          .then(
            ({ text }) => text.length,
            (error: Error) => error.message,
          ),
      )
      .toBe(150_000)
  })

  test('slow, and silent', async () => {
    const mail = await start()
    await send(mail, LETTER)
    mail.fail('pop3', { slowMs: 1 }, { times: 1 })
    expect((await mail.pop3('anna').retr(1)).text.length).toBe(150_000)
    mail.fail('pop3', { silent: true }, { times: 1 })
    const quick = mail.pop3('anna').connect({ timeouts: { connectMs: 50 } })
    expect(await rejection(quick)).toMatchObject({ code: 'timeout' })
  })
})
