import { expect, test } from 'vitest'
import { ConfigError, defaultConfig, isNameServer, parseConfig } from '../src/index.ts'

const finding = (source: string): string => {
  try {
    parseConfig(source, 'f')
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return 'none'
}

test('by default the machine is asked, no list, nobody waits, nothing is scanned', () => {
  const { dns, smtpIn, spam, limits } = defaultConfig()
  expect(dns).toBe('system')
  expect(smtpIn).toMatchObject({ dnsLists: [], refuseListedFrom: null, greylist: 'off' })
  expect(spam.clamd).toBeNull()
  expect(limits).toMatchObject({ mailsPerMinute: 600, networkMailsPerMinute: 1800 })
})

test('lists, thresholds and servers are read as written', () => {
  const config = parseConfig(
    `
dns: [127.0.0.1, "[::1]:5353", "localhost:5353"]
smtp_in:
  dns_lists:
    - zone: zen.example
      kind: ip
      name: ZEN
      weights: { 127.0.0.2: 5, 127.0.0.4-7: { weight: 3, meaning: "is infected" }, "*": 1 }
    - { zone: dbl.example, kind: domain, name: DBL, ask: host, weights: { "127.0.0.&8": 4 } }
  refuse_listed_from: 5
  greylist: on
  greylist_delay: 1m
spam: { clamd: { host: 127.0.0.1, port: 3310 } }
limits: { mails_per_minute: any, network_mails_per_minute: 20 }
`,
    'f',
  )
  expect(config.dns).toEqual(['127.0.0.1', '[::1]:5353', 'localhost:5353'])
  expect(config.smtpIn).toMatchObject({
    dnsLists: [
      {
        zone: 'zen.example',
        kind: 'ip',
        name: 'ZEN',
        answers: {
          '127.0.0.2': { weight: 5 },
          '127.0.0.4-7': { weight: 3, meaning: 'is infected' },
          '*': { weight: 1 },
        },
      },
      {
        zone: 'dbl.example',
        kind: 'domain',
        name: 'DBL',
        ask: 'host',
        answers: { '127.0.0.&8': { weight: 4 } },
      },
    ],
    refuseListedFrom: 5,
    greylist: 'on',
    greylistDelayMs: 60_000,
  })
  expect(config.spam.clamd).toEqual({ host: '127.0.0.1', port: 3310 })
  expect(config.limits).toMatchObject({ mailsPerMinute: null, networkMailsPerMinute: 20 })
})

test.each([
  ['dns: off', 'off'],
  ['dns: false', 'off'],
  ['dns: system', 'system'],
])('%s', (source, expected) => expect(parseConfig(source, 'f').dns).toBe(expected))

test.each([
  ['spam: { clamd: /run/clamd.sock }', { path: '/run/clamd.sock' }],
  ['spam: { clamd: null }', null],
])('%s', (source, expected) => expect(parseConfig(source, 'f').spam.clamd).toEqual(expected))

test.each([
  ['dns: fast', /^f:1:1: dns: must be system, off, or a list/],
  ['dns: [resolver.example]', /^f:1:\d+: dns\.0: must be an IP address/],
  ['dns: []', /^f:1:1: dns: must name at least one server/],
  ['smtp_in: { greylist: some }', /smtp_in\.greylist: must be on, off or all/],
  ['smtp_in: { dns_lists: [{ zone: z }] }', /smtp_in\.dns_lists\.0\.kind: is missing/],
  [
    'smtp_in: { dns_lists: [{ zone: z, kind: ip, name: zen, weights: {} }] }',
    /smtp_in\.dns_lists\.0\.name: must be upper-case/,
  ],
  [
    'smtp_in: { dns_lists: [{ zone: z, kind: ip, name: Z, weights: { 10.0.0.1: 5 } }] }',
    /smtp_in\.dns_lists\.0\.weights\.10\.0\.0\.1: must be 127\.0\.0\.2/,
  ],
  ['spam: { clamd: 3310 }', /spam\.clamd: must be the path of a socket, or \{ host, port \}/],
  ['limits: { mails_per_minute: 0 }', /limits\.mails_per_minute: must be at least 1/],
])('%j is refused with its place', (source, expected) => expect(finding(source)).toMatch(expected))

test.each([
  ['127.0.0.1', true],
  ['127.0.0.1:53', true],
  ['localhost:5353', true],
  ['::1', true],
  ['[::1]:5353', true],
  ['127.0.0.1:0', false],
  ['127.0.0.1:70000', false],
  ['[127.0.0.1]:53', false],
  ['example.org:53', false],
  ['', false],
])('%s as a name server: %s', (text, expected) => expect(isNameServer(text)).toBe(expected))
