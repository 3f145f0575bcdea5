import { expect, test } from 'vitest'
import { type Envelope, traceFields } from '../src/index.ts'

const envelope: Envelope = {
  reversePath: { localPart: 'x', domain: 'far.example' },
  recipients: [],
  clientIp: '192.0.2.7',
  helo: 'mx.far.example',
  receivedAtMs: Date.UTC(2026, 10, 22, 7, 5, 9),
  protocol: 'ESMTPS',
  tls: 'TLSv1.3 TLS_AES_256_GCM_SHA384',
  authenticatedAs: null,
  sessionId: 'K2M9.1',
}
const anna = { localPart: 'anna', domain: 'acme.example' }

test('a message from outside', () => {
  expect(traceFields(envelope, anna, 'mail.acme.example')).toBe(
    [
      'Return-Path: <x@far.example>',
      'Delivered-To: anna@acme.example',
      'Received: from mx.far.example ([192.0.2.7])',
      '\t(using TLSv1.3 TLS_AES_256_GCM_SHA384)',
      '\tby mail.acme.example (Restante) with ESMTPS id K2M9.1',
      '\tfor <anna@acme.example>; Sun, 22 Nov 2026 07:05:09 +0000',
      '',
    ].join('\r\n'),
  )
})

test('nothing a peer says can break a line', () => {
  const hostile = { ...envelope, reversePath: null, helo: 'a\r\nX-Evil: 1\r\n\r\n', tls: null }
  const lines = traceFields(hostile, anna, 'h').split('\r\n')
  expect(lines[0]).toBe('Return-Path: <>')
  expect(lines.filter((line) => line.startsWith('X-Evil'))).toEqual([])
  expect(lines).toHaveLength(6)
})

test('mail put in by hand names no peer', () => {
  const text = traceFields({ ...envelope, protocol: 'local', clientIp: '', helo: '' }, anna, 'h')
  expect(text).toContain('Received: by h (Restante) with local id K2M9.1')
})
