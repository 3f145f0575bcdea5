import { zoneResolver } from '@restante/trust/testkit'
import { afterEach, expect, test } from 'vitest'
import {
  type AuthenticationPool,
  type AuthenticationPoolOptions,
  createAuthenticationPool,
} from '../src/index.ts'

const UNRULY = new URL('./unruly-authenticator.ts', import.meta.url)
const BANK = zoneResolver({
  'bank.example': { TXT: ['v=spf1 ip4:192.0.2.0/24 -all'] },
  '_dmarc.bank.example': { TXT: ['v=DMARC1; p=reject'] },
})
const crashes: string[] = []
const pools: AuthenticationPool[] = []
const poolOf = (options: Partial<AuthenticationPoolOptions> = {}): AuthenticationPool => {
  const pool = createAuthenticationPool({
    resolver: BANK,
    hostname: 'mx.acme.example',
    deadlineMs: 15_000,
    onCrash: (detail) => crashes.push(detail),
    ...options,
  })
  pools.push(pool)
  return pool
}
afterEach(async () => {
  crashes.length = 0
  await Promise.all(pools.splice(0).map((pool) => pool.close()))
})

const who = (clientIp: string) => ({
  clientIp,
  helo: 'pc.example',
  reversePath: { localPart: 'help', domain: 'bank.example' },
})
const octets = new TextEncoder().encode('From: help@bank.example\r\n\r\nHi\r\n')

test('many at a time, whole or in chunks, with the DNS of the process', async () => {
  const pool = poolOf({ inFlightMax: 3 })
  async function* chunks() {
    for (let at = 0; at < octets.length; at += 7) yield octets.subarray(at, at + 7)
  }
  const results = await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      pool.authenticate({ ...who(i % 2 ? '192.0.2.1' : '203.0.113.7'), octets: i % 3 ? octets : chunks() }),
    ),
  )
  expect(
    results.map((each) => ('failed' in each ? each.failed : `${each.spf.result} ${each.dmarc.result}`)),
  ).toEqual(Array.from({ length: 10 }, (_, i) => (i % 2 ? 'pass pass' : 'fail fail')))
  expect(BANK.questions).toContain('TXT _dmarc.bank.example')
})

test('SPF alone; known before, it is not asked again', async () => {
  const pool = poolOf({ resolver: zoneResolver({ 'bank.example': { TXT: ['v=spf1 -all'] } }) })
  const spf = await pool.checkSpf(who('192.0.2.1'))
  if ('failed' in spf) throw new Error(spf.detail)
  expect(spf.result).toBe('fail')
  const known = await pool.authenticate({ ...who('192.0.2.1'), octets, spf: { ...spf, result: 'softfail' } })
  expect('failed' in known ? known.failed : known.spf.result).toBe('softfail')
})

test('chunks that cannot be read are a temporary error, not a crash', async () => {
  async function* broken() {
    yield octets.subarray(0, 10)
    throw new Error('disk')
  }
  const answer = await poolOf().authenticate({ ...who('192.0.2.1'), octets: broken() })
  expect('failed' in answer ? answer.failed : answer.outcome).toBe('temperror')
  expect(crashes).toEqual([])
})

test('a worker that dies is replaced; what it had is failed, what comes after is answered', async () => {
  const pool = poolOf({ program: UNRULY })
  const [dying, other] = await Promise.all([
    pool.authenticate({ ...who('die'), octets }),
    pool.authenticate({ ...who('wait'), octets }),
  ])
  expect([dying, other]).toMatchObject([{ failed: 'crash' }, { failed: 'crash' }])
  expect(crashes).toHaveLength(1)
  expect(await pool.checkSpf(who('192.0.2.1'))).toMatchObject({ result: 'neutral' })
})

test('a worker that computes without end is replaced', async () => {
  const pool = poolOf({ program: UNRULY, deadlineMs: 300 })
  expect(await pool.authenticate({ ...who('spin'), octets })).toMatchObject({ failed: 'timeout' })
  expect(crashes).toHaveLength(1)
})

test('more than may wait are turned away; closing settles everything', async () => {
  const pool = poolOf({ program: UNRULY, inFlightMax: 1, waitingMax: 1 })
  const held = [pool.checkSpf(who('wait')), pool.checkSpf(who('wait'))]
  expect(await pool.checkSpf(who('wait'))).toMatchObject({ failed: 'busy' })
  await pool.close()
  expect(await Promise.all(held)).toMatchObject([{ failed: 'busy' }, { failed: 'busy' }])
  expect(await pool.checkSpf(who('wait'))).toMatchObject({ failed: 'busy', detail: 'closing' })
})
