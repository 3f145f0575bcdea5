import '../src/vitest.ts'
import { expect, onTestFinished, test } from 'vitest'
import { createTestMail } from '../src/index.ts'

const QUARANTINED = `To: Anna <anna@test.example>
Cc: ben@test.example
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
X-Restante-Verdict: quarantined 12.3/10.0; forged brand name
X-Spam-Status: Yes, score=12.3 required=10.0 tests=BRAND,LYING_LINK
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8

schöne Grüße
--b
Content-Disposition: attachment; filename=a.pdf

x
--b--
`
const TAGGED = QUARANTINED.replace('quarantined 12.3/10.0', 'tagged 6.3/6.0')

/** What a failing assertion says. */
function said(assertion: () => void): string {
  try {
    assertion()
  } catch (error) {
    return (error as Error).message
  }
  return 'it passed'
}

test('matchers about a message', () => {
  expect(QUARANTINED).toHaveHeader('x-spam-status')
  expect(QUARANTINED).toHaveHeader('X-Spam-Status', /^Yes/)
  expect(QUARANTINED).not.toHaveHeader('X-Spam-Status', 'No')
  expect(QUARANTINED).not.toHaveHeader('X-None')
  expect(QUARANTINED).toHaveSubject('Grüße')
  expect(QUARANTINED).not.toHaveSubject(/^grüße$/)
  expect(QUARANTINED).toContainText('schöne')
  expect(QUARANTINED).toHaveAttachment(/\.pdf$/)
  expect(QUARANTINED).not.toHaveAttachment('b.pdf')
  expect(QUARANTINED).toBeAddressedTo('anna')
  expect(QUARANTINED).toBeAddressedTo('Ben@test.example')
  expect(QUARANTINED).not.toBeAddressedTo('cleo')
  expect(Buffer.from(QUARANTINED)).toBeQuarantinedBy('BRAND')
  expect(QUARANTINED).toBeQuarantinedBy()
  expect(QUARANTINED).not.toBeQuarantinedBy('BRAN')
  expect(TAGGED).not.toBeQuarantinedBy('BRAND')
  expect(TAGGED).toBeTaggedBy('LYING_LINK')
  expect(TAGGED).toHaveFired('BRAND')
  expect('Subject: x\n\n').not.toBeQuarantinedBy()
  expect('Subject: x\n\n').not.toHaveFired('BRAND')
})

test('what they say when they fail', () => {
  expect(said(() => expect(TAGGED).toBeQuarantinedBy('BRAND'))).toBe(
    'the message is tagged 6.3 by BRAND, LYING_LINK; wanted: quarantined by BRAND',
  )
  expect(said(() => expect(QUARANTINED).not.toBeQuarantinedBy('BRAND'))).toBe(
    'the message is quarantined by BRAND: quarantined 12.3 by BRAND, LYING_LINK',
  )
  expect(said(() => expect('A: b\n\n').toBeTaggedBy())).toBe('the message carries no verdict; wanted: tagged')
  expect(said(() => expect(TAGGED).toHaveHeader('X-None', 'x'))).toBe(
    'the message has no field X-None; wanted: "x"',
  )
  expect(said(() => expect(TAGGED).toHaveHeader('Cc', /x@/))).toBe(
    'the message has Cc: "ben@test.example"; wanted: /x@/',
  )
  expect(said(() => expect(TAGGED).not.toHaveSubject('Gr'))).toBe('the subject is "Grüße"')
  expect(said(() => expect(TAGGED).toContainText('nothing of it'))).toContain('schöne')
  expect(said(() => expect(TAGGED).toHaveAttachment('b.pdf'))).toBe('attached is "a.pdf"; wanted: "b.pdf"')
  expect(said(() => expect(TAGGED).toBeAddressedTo('cleo'))).toBe(
    'the message is to anna@test.example, ben@test.example; wanted: "cleo"',
  )
})

test('toHaveReceived waits', async () => {
  const mail = await createTestMail()
  onTestFinished(() => mail.close())
  await expect(mail).not.toHaveReceived()
  const waiting = expect(mail).toHaveReceived({ to: 'anna', subject: 'Hi' })
  await mail.deliver('Subject: Hi\n\n', { to: 'anna' })
  await waiting
  await expect(mail).not.toHaveReceived({ to: 'ben' })
  expect(mail.messages()[0]).toBeAddressedTo('anna')
  await expect(expect(mail).toHaveReceived({ to: 'ben' }, { timeoutMs: 5 })).rejects.toThrow(
    'no such message within 5 ms: to "ben". What came in:',
  )
  await expect(expect(mail).not.toHaveReceived({ to: 'anna' })).rejects.toThrow('came in: to "anna"')
})
