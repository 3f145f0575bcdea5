import { expect, test } from 'vitest'
import { ConfigError, parseConfig } from '../src/index.ts'

const finding = (source: string) => {
  try {
    parseConfig(source, 'f')
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return 'none'
}
const oauth = (rest: string) => `auth: { oauth: { issuer: "https://id.example", ${rest} } }`

test('networks are kept as written', () => {
  const config = parseConfig(
    'pop3: { proxy_from: [10.0.0.0/8, "::1"], xclient_from: [192.0.2.1], login_delay: 2m }\nsmtp_in: { proxy_from: ["2001:db8::/32"], xclient_from: [127.0.0.0/8] }',
    'f',
  )
  expect(config.pop3).toMatchObject({
    proxyFrom: ['10.0.0.0/8', '::1'],
    xclientFrom: ['192.0.2.1'],
    loginDelayS: 120,
  })
  expect(config.smtpIn).toMatchObject({ proxyFrom: ['2001:db8::/32'], xclientFrom: ['127.0.0.0/8'] })
})

test.each(['10.0.0.0/33', '::1/129', 'localhost', '10.0.0.1/8/8', '10.0.0.1/', 'fe80::1%eth0', ''])(
  '%j is no network',
  (network) =>
    expect(finding(`pop3: { proxy_from: ["${network}"] }`)).toMatch(
      /^f:1:\d+: pop3\.proxy_from\.0: must be an address or a network/,
    ),
)

test('tokens checked by asking the issuer', () => {
  const { auth } = parseConfig(
    `${oauth('introspection: "https://id.example/introspect", client_id: us, client_secret: "${OAUTH_SECRET}"')}`,
    'f',
    { OAUTH_SECRET: 'hush' },
  )
  expect(auth.oauth).toEqual({
    issuer: 'https://id.example',
    introspection: { url: 'https://id.example/introspect', clientId: 'us', clientSecret: 'hush' },
    jwks: null,
    audience: null,
    scope: null,
    accountClaim: 'email',
    clockSkewMs: 60_000,
    timeoutMs: 5_000,
  })
})

test('tokens checked with the issuer’s keys', () => {
  const { auth } = parseConfig(
    oauth('jwks: "http://127.0.0.1:8080/keys", audience: mail, account_claim: sub, clock_skew: 5s'),
    'f',
  )
  expect(auth.oauth).toMatchObject({
    introspection: null,
    jwks: { url: 'http://127.0.0.1:8080/keys' },
    audience: 'mail',
    accountClaim: 'sub',
    clockSkewMs: 5_000,
  })
})

test.each([
  ['neither', oauth('scope: mail'), /auth\.oauth: needs introspection or jwks, one of the two/],
  [
    'both',
    oauth(
      'jwks: "https://id.example/k", audience: a, introspection: "https://id.example/i", client_id: a, client_secret: b',
    ),
    /auth\.oauth: needs introspection or jwks, one of the two/,
  ],
  ['no secret', oauth('introspection: "https://id.example/i", client_id: us'), /client_secret/],
  ['no audience', oauth('jwks: "https://id.example/k"'), /jwks needs audience/],
  [
    'plain http',
    oauth('jwks: "http://id.example/k", audience: a'),
    /auth\.oauth\.jwks: must be an https URL/,
  ],
  ['a password in the URL', oauth('jwks: "https://a:b@id.example/k", audience: a'), /must be an https URL/],
  ['a wrong key', oauth('jwk: "https://id.example/k"'), /did you mean “jwks”/],
  ['half a second', 'pop3: { login_delay: 500ms }', /pop3\.login_delay: must be whole seconds/],
])('%s is refused', (_, source, expected) => expect(finding(source)).toMatch(expected))
