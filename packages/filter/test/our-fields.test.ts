import { concatOctets, type Envelope, latin1Octets, latin1Text, traceFields } from '@restante/mail'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { verdictFields, withoutOurFields } from '../src/index.ts'

const anna = { localPart: 'anna', domain: 'acme.example' }
const envelope: Envelope = {
  reversePath: { localPart: 'x', domain: 'far.example' },
  recipients: [anna],
  clientIp: '192.0.2.7',
  helo: 'mx.far.example',
  receivedAtMs: 0,
  protocol: 'ESMTPS',
  tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384',
  authenticatedAs: null,
  sessionId: 'S1',
}
const verdict = {
  disposition: 'tag',
  score: 7,
  threshold: 6,
  symbols: [
    {
      symbol: 'BAYES_SPAM',
      score: 7,
      why: 'looks like known spam, which is a long reason that makes it fold',
    },
  ],
  skipped: [],
} as const
const ours = traceFields(envelope, anna, 'mx.acme.example') + verdictFields(verdict, 'mx.acme.example')
const strip = (text: string) => latin1Text(withoutOurFields(latin1Octets(text)))

test('what we put before a message comes off again, to the octet', () => {
  const field = fc.constantFrom(
    'Received: from a by b\r\n',
    'From: a@b\r\n',
    'Subject: .\r\n',
    'Delivered-To: z@z\r\n',
    'no colon\r\n',
  )
  fc.assert(
    fc.property(fc.array(field, { maxLength: 6 }), fc.string({ maxLength: 40 }), (fields, body) => {
      const message = `${fields.join('')}\r\n${body}`
      expect(strip(ours + message)).toBe(message)
      expect(strip(message)).toBe(message)
    }),
  )
})

test('mail put in by hand has no verdict and loses its trace too', () => {
  const local = traceFields({ ...envelope, protocol: 'local', helo: '', clientIp: '' }, anna, 'h')
  expect(strip(`${local}From: a\r\n\r\nx`)).toBe('From: a\r\n\r\nx')
})

test.each([
  ["another server's trace stays", 'Delivered-To: a@b\r\nReceived: from a by b (Postfix)\r\nFrom: a\r\n\r\n'],
  ["another server's results stay", 'Authentication-Results: mx.other.example; spf=pass\r\nFrom: a\r\n\r\n'],
  ['a body may speak of our fields', 'From: a\r\n\r\nX-Spam-Flag: YES\r\n'],
  ['no header at all', ''],
])('%s', (_, message) => expect(strip(message)).toBe(message))

test("another filter's word comes off: the classifier is to see the message, not a judgement", () => {
  expect(strip('X-Spam-Flag: YES\r\nFrom: a\r\n\r\nx')).toBe('From: a\r\n\r\nx')
})

test('the message given in is not changed', () => {
  const octets = latin1Octets(`${ours}From: a\r\n\r\nx`)
  const before = concatOctets([octets, new Uint8Array(0)])
  withoutOurFields(octets)
  expect(octets).toEqual(before)
})
