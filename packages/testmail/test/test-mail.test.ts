import { randomBytes } from 'node:crypto'
import { connectPop3 } from '@restante/pop3-client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createTestMail, type TestMail, TestMailError, type TestMailOptions } from '../src/index.ts'
import { rejection, send } from './sending.ts'

async function start(options: TestMailOptions = {}): Promise<TestMail> {
  const mail = await createTestMail(options)
  onTestFinished(() => mail.close())
  return mail
}

describe('a message from nodemailer', () => {
  test('is there, with envelope, text, HTML and what is attached', async () => {
    const mail = await start()
    const picture = randomBytes(3_000)
    await send(mail, {
      from: '"Der Laden" <shop@example.org>',
      to: 'Anna Müller <anna@test.example>',
      cc: ['ben@test.example'],
      bcc: 'cleo@other.example',
      subject:
        'Ваш заказ № 5 — grüße 🎁 with a subject long enough to be folded over several lines of the header',
      text: 'Hallo Anna,\nschöne Grüße\n.\n..\n',
      html: '<p>Hallo <b>Anna</b></p><img src="cid:pic">',
      attachments: [
        { filename: 'Rechnung für Anna.txt', content: 'bitte zahlen' },
        { filename: 'bild.png', content: picture, cid: 'pic' },
      ],
    })
    const message = await mail.waitFor({ to: 'anna' })
    expect(message.envelope).toEqual({
      from: 'shop@example.org',
      to: ['anna@test.example', 'ben@test.example', 'cleo@other.example'],
      protocol: 'ESMTP',
      tls: null,
      authenticatedAs: null,
      helo: expect.any(String),
    })
    expect(message.subject).toBe(
      'Ваш заказ № 5 — grüße 🎁 with a subject long enough to be folded over several lines of the header',
    )
    expect(message.field('to')).toBe('Anna Müller <anna@test.example>')
    expect(message.field('BCC')).toBeNull()
    expect(message.text).toBe('Hallo Anna,\r\nschöne Grüße\r\n.\r\n..\r\n')
    expect(message.html).toContain('<b>Anna</b>')
    expect(message.attachments.map(({ name, type, contentId }) => [name, type, contentId])).toEqual([
      ['bild.png', 'image/png', 'pic'],
      ['Rechnung für Anna.txt', 'text/plain', ''],
    ])
    expect(Buffer.from(message.attachments[0]?.octets ?? []).equals(picture)).toBe(true)
    expect(Buffer.from(message.attachments[1]?.octets ?? []).toString()).toBe('bitte zahlen')
    expect(mail.messages()).toEqual([message])
  })

  test('is in the maildrop of every recipient, octet for octet', async () => {
    const mail = await start()
    await send(mail, { to: ['anna@test.example', 'Ben@Other.Example'], text: '.dot\n\n..\n' })
    const { raw } = await mail.waitFor()
    for (const account of ['anna', 'ben@other.example']) {
      const got = await mail.pop3(account).retr(1)
      expect(got.field('delivered-to')?.toLowerCase()).toBe(
        account === 'anna' ? 'anna@test.example' : account,
      )
      expect(got.field('return-path')).toBe('<shop@example.org>')
      expect(Buffer.from(got.raw.subarray(got.raw.length - raw.length)).equals(Buffer.from(raw))).toBe(true)
    }
    expect(await mail.pop3('nobody').stat()).toEqual({ count: 0, sizeOctets: 0 })
  })

  test('over TLS, started or from the first octet, with the certificate of the test', async () => {
    const mail = await start({ tls: true })
    await send(mail, { to: 'anna@test.example', subject: 'started' })
    await send(
      mail,
      { to: 'anna@test.example', subject: 'at once' },
      { port: mail.ports.smtps ?? 0, secure: true },
    )
    for (const subject of ['started', 'at once'])
      expect((await mail.waitFor({ subject })).envelope).toMatchObject({
        protocol: 'ESMTPS',
        tls: /^TLSv1\.3/,
      })
    const drop = mail.pop3('anna')
    expect((await drop.stat()).count).toBe(2)
    const client = await connectPop3({ ...drop.options, tls: 'implicit', port: mail.ports.pop3s ?? 0 })
    expect((await client.stat()).count).toBe(2)
    await client.quit()
  })

  test('from someone who logs in, or should have', async () => {
    const mail = await start({
      accounts: { anna: 'sesame', 'ben@other.example': 'simsim' },
      requireAuth: true,
    })
    const message = { to: 'ben@other.example', subject: 'hello' }
    expect(await rejection(send(mail, message))).toMatchObject({ responseCode: 530 })
    const wrong = { user: 'anna@test.example', pass: 'simsim' }
    expect(await rejection(send(mail, message, { auth: wrong }))).toMatchObject({
      code: 'EAUTH',
      responseCode: 535,
    })
    await send(mail, message, { auth: mail.credentials('anna') })
    expect((await mail.waitFor()).envelope).toMatchObject({
      authenticatedAs: 'anna@test.example',
      protocol: 'ESMTPA',
    })
    expect(() => mail.credentials('nobody')).toThrow(RangeError)
  })

  test('to nobody we know is refused', async () => {
    const mail = await start({ accounts: ['anna'] })
    const error = await rejection(send(mail, { to: 'ana@test.example', text: 'x' }))
    expect(error).toMatchObject({ responseCode: 550 })
    expect(mail.messages()).toEqual([])
    await expect(mail.deliver('x', { to: 'ana' })).rejects.toThrow('550')
  })

  test('larger than allowed, or one too many, is refused', async () => {
    const mail = await start({ limits: { messageOctets: 10_000, messages: 1 } })
    const large = { to: 'anna@test.example', text: 'x'.repeat(20_000) }
    expect(await rejection(send(mail, large))).toMatchObject({ responseCode: 552 })
    await send(mail, { to: 'anna@test.example', text: 'x' })
    expect(await rejection(send(mail, { to: 'anna@test.example', text: 'x' }))).toMatchObject({
      responseCode: 452,
    })
    const full = await start({ limits: { octets: 5_000 } })
    expect(await rejection(send(full, { to: 'anna@test.example', text: 'x\n'.repeat(4_000) }))).toMatchObject(
      {
        responseCode: 452,
      },
    )
  })
})

describe('waiting', () => {
  test('for what comes later, what is there, and what comes after another', async () => {
    const mail = await start()
    const later = mail.waitFor({ to: 'anna', subject: /^Order \d+$/ })
    await send(mail, { to: 'anna@test.example', subject: 'Newsletter' })
    await send(mail, { to: 'anna@test.example', subject: 'Order 7' })
    const first = await later
    expect(first.subject).toBe('Order 7')
    expect(await mail.waitFor({ subject: 'Order' })).toBe(first)
    const second = mail.waitFor({ subject: 'Order' }, { after: first })
    await send(mail, { to: 'ben@test.example', subject: 'Order 8' })
    expect((await second).subject).toBe('Order 8')
    expect(mail.messages({ subject: 'Order' })).toHaveLength(2)
    expect(mail.messages({ to: 'ben' })).toHaveLength(1)
  })

  test('in vain says what came instead, and why that was not it', async () => {
    const mail = await start()
    await send(mail, { to: 'anna@test.example', subject: 'Newsletter', text: 'buy' })
    await send(mail, { to: 'ben@test.example', subject: 'Order 1', text: 'thanks' })
    const error = await rejection(mail.waitFor({ to: 'anna', subject: /order/i }, { timeoutMs: 20 }))
    expect(error).toBeInstanceOf(TestMailError)
    expect(error['code']).toBe('no-such-message')
    expect(error['message']).toBe(
      `no such message within 20 ms: to "anna", subject /order/i. What came in:
  shop@example.org -> anna@test.example  "Newsletter": its subject is "Newsletter"
  shop@example.org -> ben@test.example  "Order 1": it is to ben@test.example`,
    )
    const nothing = await start()
    await expect(nothing.waitFor({}, { timeoutMs: 1 })).rejects.toThrow('any message. Nothing came in.')
  })

  test('can be given up, and ends when the mail is closed', async () => {
    const mail = await start()
    const giving = new AbortController()
    const given = rejection(mail.waitFor({}, { signal: giving.signal }))
    const closed = rejection(mail.waitFor())
    giving.abort(new Error('enough'))
    expect(await given).toMatchObject({ message: 'enough' })
    await expect(mail.waitFor({}, { signal: giving.signal })).rejects.toThrow('enough')
    await mail.close()
    expect(await closed).toMatchObject({ code: 'closed' })
    expect(await rejection(mail.waitFor())).toMatchObject({ code: 'closed' })
  })

  test('a `where` that throws fails the wait', async () => {
    const mail = await start()
    const waiting = mail.waitFor({
      where() {
        throw new Error('odd test')
      },
    })
    const failed = rejection(waiting)
    await mail.deliver('Subject: x\n\n', { to: 'anna' })
    expect(await failed).toMatchObject({ message: 'odd test' })
  })

  test.each([
    [{ to: 'ANNA@test.example' }, true],
    [{ to: 'anna@other.example' }, false],
    [{ to: 'ann' }, false],
    [{ to: /ann/ }, true],
    [{ from: 'shop' }, true],
    [{ from: 'boss@shop.example' }, true],
    [{ from: 'someone' }, false],
    [{ text: 'thank' }, true],
    [{ text: /^THANK/ }, false],
    [{ html: '<b>' }, false],
    [{ fields: { 'x-order': '5', 'Message-ID': /@/ } }, true],
    [{ fields: { 'x-order': '6' } }, false],
    [{ fields: { 'x-none': /./ } }, false],
    [{ attachment: 'a.txt' }, false],
    [{ where: () => false }, false],
    [{}, true],
  ])('%j fits: %s', async (pattern, fits) => {
    const mail = await start()
    await mail.deliver(
      'From: "The, Boss" <boss@shop.example>\nX-Order: 5\nMessage-ID: <a@b>\nSubject: s\n\nthank you\n',
      { to: 'anna', from: 'shop@example.org' },
    )
    expect(mail.messages(pattern)).toHaveLength(fits ? 1 : 0)
  })
})

describe('POP3', () => {
  test('the way a mail program sees it', async () => {
    const mail = await start()
    await mail.deliver('Subject: one\n\nfirst\nsecond\n', { to: 'anna' })
    await mail.deliver('Subject: two\n\n.\n', { to: ['anna', 'ben'] })
    const anna = mail.pop3('anna')
    expect((await anna.stat()).count).toBe(2)
    expect((await anna.list()).map(({ number }) => number)).toEqual([1, 2])
    expect((await anna.uidl()).map(({ id }) => id)[0]).toBe(mail.messages()[0]?.id)
    expect((await anna.top(1, 1)).text).toBe('first\r\n')
    expect((await anna.all()).map(({ subject }) => subject)).toEqual(['one', 'two'])
    await anna.dele(1)
    expect((await anna.retr(1)).text).toBe('.\r\n')
    expect((await mail.pop3('ben').stat()).count).toBe(1)
    expect(mail.messages()).toHaveLength(2)
    {
      await using client = await anna.connect()
      expect(await rejection(anna.stat())).toMatchObject({ code: 'in-use' })
      await client.dele(1)
    }
    expect((await anna.stat()).count).toBe(1)
    const wrong = { login: { name: anna.user, password: 'wrong' } }
    expect(await rejection(anna.connect(wrong))).toMatchObject({ code: 'auth' })
  })

  test('clear empties everything', async () => {
    const mail = await start({ accounts: ['anna'] })
    mail.fail('smtp', '451 later')
    await mail.deliver('Subject: one\n\n', { to: 'anna' })
    await mail.clear()
    expect(mail.messages()).toEqual([])
    expect((await mail.pop3('anna').stat()).count).toBe(0)
    await send(mail, { to: 'anna@test.example', subject: 'after' })
    expect((await mail.waitFor()).subject).toBe('after')
  })
})

test('two at once do not know of each other, and all is gone in the end', async () => {
  const [one, two] = await Promise.all([createTestMail(), createTestMail()])
  const ports = [...Object.values(one.ports), ...Object.values(two.ports)].filter((port) => port !== null)
  expect(new Set(ports).size).toBe(4)
  await send(one, { to: 'anna@test.example', text: 'x' })
  expect(two.messages()).toEqual([])
  expect(one.smtpUrl).toBe(`smtp://127.0.0.1:${one.ports.smtp}`)
  const open = await one.pop3('anna').connect()
  await one.close()
  await one.close()
  await two[Symbol.asyncDispose]()
  await rejection(open.stat())
  expect(await rejection(one.pop3('anna').stat())).toMatchObject({ code: 'closed' })
  expect(await rejection(send(one, { to: 'anna@test.example' }))).toMatchObject({ code: 'ESOCKET' })
})

test.each(['', 'an na', '@test.example', 'anna@', 'a@b@c'])('%j is no account', async (name) => {
  await expect(createTestMail({ accounts: [name] })).rejects.toThrow(RangeError)
})
