import { expect, test } from 'vitest'
import { zoneResolver } from '../src/testkit/index.ts'

const zone = zoneResolver({
  'acme.example': { A: ['192.0.2.1'], MX: ['10 MX.acme.example.'], TXT: ['v=spf1 -all'] },
  'null.example': { MX: ['0 .'] },
  'deep.under.example': { A: ['192.0.2.2'] },
  'www.example': { CNAME: ['acme.example'] },
  'round.example': { CNAME: ['round.example'] },
  'half.example': { A: ['192.0.2.3'], TXT: 'SERVFAIL' },
  'slow.example': 'TIMEOUT',
  'mute.example': 'SILENCE',
})

test.each([
  ['acme.example', 'A', { kind: 'records', records: ['192.0.2.1'] }],
  ['ACME.example.', 'TXT', { kind: 'records', records: ['v=spf1 -all'] }],
  ['acme.example', 'MX', { kind: 'records', records: [{ preference: 10, exchange: 'mx.acme.example' }] }],
  ['null.example', 'MX', { kind: 'records', records: [{ preference: 0, exchange: '' }] }],
  ['acme.example', 'AAAA', { kind: 'nodata' }],
  ['under.example', 'A', { kind: 'nodata' }],
  ['not.acme.example', 'A', { kind: 'nxdomain' }],
  ['', 'A', { kind: 'nxdomain' }],
  ['www.example', 'A', { kind: 'records', records: ['192.0.2.1'] }],
  ['www.example', 'CNAME', { kind: 'records', records: ['acme.example'] }],
  ['round.example', 'A', { kind: 'servfail' }],
  ['half.example', 'A', { kind: 'records' }],
  ['half.example', 'TXT', { kind: 'servfail' }],
  ['slow.example', 'A', { kind: 'timeout' }],
] as const)('%s %s', async (name, type, answer) => {
  expect(await zone.resolve(name, type)).toMatchObject(answer)
})

test('silence lasts until the asker gives up', async () => {
  const asker = new AbortController()
  const answer = zone.resolve('mute.example', 'A', { signal: asker.signal })
  asker.abort()
  expect(await answer).toMatchObject({ kind: 'timeout' })
  expect(await zone.resolve('mute.example', 'A', { timeoutMs: 1 })).toMatchObject({ kind: 'timeout' })
  expect(zone.questions.filter((each) => each === 'A mute.example')).toHaveLength(2)
})
