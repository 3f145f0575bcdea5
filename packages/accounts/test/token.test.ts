import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  createIntrospection,
  createSignatureCheck,
  IssuerError,
  type TokenOutcome,
  type TokenVerifier,
} from '../src/index.ts'
import { type IssuerKey, type LocalIssuer, type Mood, makeKey, sign, startIssuer } from './local-issuer.ts'

const NOW_S = 1_800_000_000
const SKEW_S = 60
const rsa = makeKey('r1', 'RS256')
const ec = makeKey('e1', 'ES256')
const stranger = makeKey('r1', 'RS256')
const weak = makeKey('weak', 'RS256', 1024)
const bad: readonly Mood[] = ['broken', 'nonsense', 'huge', 'redirecting', 'hang']

let issuer: LocalIssuer
let nowMs: number
beforeEach(async () => {
  issuer = await startIssuer()
  nowMs = NOW_S * 1000
})
afterEach(() => issuer[Symbol.asyncDispose]())

const rules = (scope: string | null = null) => ({
  issuer: issuer.issuer,
  audience: 'mail',
  scope,
  clockSkewMs: SKEW_S * 1000,
  now: () => nowMs,
  timeoutMs: 400,
})
const wordOf = (outcome: TokenOutcome) => ('refused' in outcome ? outcome.refused : 'taken')

describe('JWTs', () => {
  let verifier: TokenVerifier
  beforeEach(() => {
    issuer.keys = [rsa.jwk, ec.jwk, weak.jwk, { kty: 'oct', k: 'AAAA' }, 'junk']
    verifier = createSignatureCheck({ ...rules('mail'), url: issuer.jwks })
  })
  const claims = (more: object = {}) => ({
    iss: issuer.issuer,
    aud: ['other', 'mail'],
    exp: NOW_S + 300,
    nbf: NOW_S,
    scope: 'openid mail',
    email: 'anna@acme.example',
    ...more,
  })
  const check = async (token: string) => wordOf(await verifier.verify(token))

  test.each([
    ['RS256', rsa],
    ['ES256', ec],
  ])('%s by a key of the set is taken, and the claims come back', async (_, key) => {
    expect(await verifier.verify(sign(key, claims()))).toEqual({ claims: claims() })
  })

  test.each<[string, object, string]>([
    ['another issuer', { iss: 'https://evil.example' }, 'wrong-issuer'],
    ['no issuer', { iss: undefined }, 'wrong-issuer'],
    ['another audience', { aud: 'web' }, 'wrong-audience'],
    ['no audience', { aud: undefined }, 'wrong-audience'],
    ['the audience as one text', { aud: 'mail' }, 'taken'],
    ['no end', { exp: undefined }, 'malformed'],
    ['an end that is no number', { exp: '1900000000' }, 'malformed'],
    ['past, within the skew', { exp: NOW_S - SKEW_S + 1 }, 'taken'],
    ['past', { exp: NOW_S - SKEW_S }, 'expired'],
    ['to come, within the skew', { nbf: NOW_S + SKEW_S }, 'taken'],
    ['to come', { nbf: NOW_S + SKEW_S + 1 }, 'not-yet-valid'],
    ['another scope', { scope: 'openid mailbox' }, 'insufficient-scope'],
    ['scopes as a list', { scope: undefined, scp: ['mail'] }, 'taken'],
  ])('%s: %j', async (_, more, expected) => {
    expect(await check(sign(rsa, claims(more)))).toBe(expected)
  })

  test.each<[string, () => string, string]>([
    ['a stranger’s key under our name', () => sign(stranger, claims()), 'bad-signature'],
    ['an unknown key', () => sign({ ...rsa, kid: 'r9' }, claims()), 'unknown-key'],
    ['a weak key', () => sign(weak, claims()), 'unknown-key'],
    ['no kid: every key is tried', () => sign(rsa, claims(), { kid: undefined }), 'taken'],
    ['alg none', () => `${sign(rsa, claims(), { alg: 'none' }).replace(/[^.]+$/, 'AA')}`, 'unsupported'],
    ['the public key as an HMAC key', () => sign(rsa, claims(), { alg: 'HS256' }), 'unsupported'],
    ['RS256 said, ES256 key named', () => sign(rsa, claims(), { kid: 'e1' }), 'unknown-key'],
    ['a critical extension', () => sign(rsa, claims(), { crit: ['b64'], b64: false }), 'unsupported'],
    ['another kind of JWT', () => sign(rsa, claims(), { typ: 'logout+jwt' }), 'unsupported'],
    ['a kid that is no text', () => sign(rsa, claims(), { kid: 7 }), 'malformed'],
    ['two parts', () => 'e30.e30', 'malformed'],
    ['no JSON', () => 'AAAA.AAAA.AAAA', 'malformed'],
    ['a list for a header', () => 'W10.e30.AAAA', 'malformed'],
    ['nothing', () => '', 'malformed'],
    ['too long', () => `${'a'.repeat(20_000)}.a.a`, 'malformed'],
    [
      'changed claims',
      () => sign(rsa, claims()).replace(/\.[^.]+\./, `.${Buffer.from('{"a":1}').toString('base64url')}.`),
      'bad-signature',
    ],
  ])('%s', async (_, token, expected) => {
    expect(await check(token())).toBe(expected)
  })

  test('keys are fetched once, and again for a key that is new; but not for every invented name', async () => {
    const fetches = () => issuer.asked.filter((path) => path === '/keys').length
    await Promise.all([check(sign(rsa, claims())), check(sign(ec, claims()))])
    expect(fetches()).toBe(1)
    const fresh: IssuerKey = makeKey('r2', 'RS256')
    issuer.keys = [fresh.jwk]
    expect(await check(sign(fresh, claims()))).toBe('unknown-key')
    expect(fetches()).toBe(1)
    nowMs += 30_000
    expect(await check(sign(fresh, claims()))).toBe('taken')
    expect(await check(sign(rsa, claims()))).toBe('unknown-key')
    for (let i = 0; i < 20; i++) await check(sign({ ...fresh, kid: `made-up-${i}` }, claims()))
    expect(fetches()).toBe(2)
  })

  test('a key that was withdrawn is not trusted for longer than the keys are fresh', async () => {
    expect(await check(sign(rsa, claims({ exp: NOW_S + 100_000 })))).toBe('taken')
    issuer.keys = [ec.jwk]
    nowMs += 3_600_000
    // The old keys answer once more while the new ones are on their way.
    await check(sign(rsa, claims({ exp: NOW_S + 100_000 })))
    await expect.poll(() => check(sign(rsa, claims({ exp: NOW_S + 100_000 })))).toBe('unknown-key')
  })

  test.each(bad)('keys that were fetched do while the issuer is %s; for a day', async (mood) => {
    const token = sign(rsa, claims({ exp: NOW_S + 1_000_000 }))
    expect(await check(token)).toBe('taken')
    issuer.mood = mood
    nowMs += 3_600_000
    expect(await check(token)).toBe('taken')
    nowMs += 86_400_000
    await expect(verifier.verify(token)).rejects.toThrow(IssuerError)
  })

  test.each(bad)('no keys at all while the issuer is %s is an outage, not a refusal', async (mood) => {
    issuer.mood = mood
    const token = sign(rsa, claims())
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'issuer-unavailable' })
    issuer.mood = 'well'
    await expect(verifier.verify(token)).rejects.toThrow(IssuerError)
    nowMs += 5_000
    expect(await check(token)).toBe('taken')
  })
})

describe('introspection', () => {
  let verifier: TokenVerifier
  beforeEach(() => {
    verifier = createIntrospection({
      ...rules(),
      audience: null,
      url: issuer.introspection,
      clientId: 'restante',
      clientSecret: issuer.secret,
    })
  })
  const check = async (token: string) => wordOf(await verifier.verify(token))

  test.each<[object, string]>([
    [{ active: true }, 'taken'],
    [{ active: true, exp: NOW_S + 10 }, 'taken'],
    [{ active: false, exp: NOW_S + 10 }, 'inactive'],
    [{ active: true, exp: NOW_S - SKEW_S }, 'expired'],
    [{ active: true, nbf: NOW_S + 3600 }, 'not-yet-valid'],
    [{ active: true, iss: 'https://evil.example' }, 'wrong-issuer'],
    [{ active: true, exp: 'soon' }, 'malformed'],
  ])('%j is %s', async (answer, expected) => {
    issuer.tokens.set('t', { ...answer })
    expect(await check('t')).toBe(expected)
  })

  test('a token nobody knows is inactive; an empty or endless one is not asked about', async () => {
    expect(await check('unknown & odd=1')).toBe('inactive')
    expect(await check('')).toBe('malformed')
    expect(await check('x'.repeat(20_000))).toBe('malformed')
    expect(issuer.asked).toEqual(['/introspect'])
  })

  test('equal tokens are one question, remembered for a minute and never beyond their end', async () => {
    issuer.tokens.set('long', { active: true, exp: NOW_S + 3600 })
    issuer.tokens.set('short', { active: true, exp: NOW_S + 10 })
    expect(await Promise.all([check('long'), check('long'), check('long')])).toEqual([
      'taken',
      'taken',
      'taken',
    ])
    expect(await check('short')).toBe('taken')
    expect(issuer.asked).toHaveLength(2)
    issuer.tokens.clear()
    nowMs += 9_999
    expect([await check('long'), await check('short')]).toEqual(['taken', 'taken'])
    nowMs += 1
    expect([await check('long'), await check('short')]).toEqual(['taken', 'inactive'])
    nowMs += 50_000
    expect(await check('long')).toBe('inactive')
  })

  test.each(bad)('an issuer that is %s is an outage, and soon forgotten', async (mood) => {
    issuer.tokens.set('t', { active: true })
    issuer.mood = mood
    await expect(verifier.verify('t')).rejects.toMatchObject({ code: 'issuer-unavailable' })
    expect(issuer.asked).not.toContain('/elsewhere')
    issuer.mood = 'well'
    expect(await check('t')).toBe('taken')
  })

  test('our own secret refused is an outage too, as is nobody at home', async () => {
    const options = { ...rules(), audience: null, clientId: 'restante', clientSecret: 'wrong' }
    await expect(createIntrospection({ ...options, url: issuer.introspection }).verify('t')).rejects.toThrow(
      'answered 401',
    )
    await expect(
      createIntrospection({ ...options, url: 'http://127.0.0.1:1/introspect' }).verify('t'),
    ).rejects.toThrow(IssuerError)
  })

  test('more questions at once than allowed are an outage at once', async () => {
    issuer.mood = 'hang'
    const one = createIntrospection({
      ...rules(),
      url: issuer.introspection,
      clientId: 'restante',
      clientSecret: issuer.secret,
      questions: 1,
    })
    const first = one.verify('a')
    await expect(one.verify('b')).rejects.toThrow('too many questions')
    await expect(first).rejects.toThrow(IssuerError)
  })
})
