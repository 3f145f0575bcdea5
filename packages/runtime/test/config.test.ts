import { expect, test } from 'vitest'
import { ConfigError, configKeys, defaultConfig, parseConfig } from '../src/index.ts'

const findings = (source: string, environment = {}) => {
  try {
    parseConfig(source, 'restante.yaml', environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n')
    throw error
  }
  return []
}

test('an empty file gives the defaults', () => {
  expect(parseConfig('', 'f')).toEqual(defaultConfig())
  expect(parseConfig('# only a comment\n', 'f')).toEqual(defaultConfig())
})

test('values are read with their units', () => {
  const config = parseConfig(
    `
hostname: mail.acme.example
domains: [Acme.Example]
listen: { smtp: { port: 25, host: "::" }, pop3: off }
smtp_in: { max_size: 10 MiB, plus_folders: on }
spam: { filter: off, thresholds: { tag: 5.5, reject: never } }
quarantine: { keep: 2h }
`,
    'f',
  )
  expect(config.domains).toEqual(['acme.example'])
  expect(config.listen.smtp).toEqual({ host: '::', port: 25 })
  expect(config.listen.pop3).toBeNull()
  expect(config.listen.pop3s).toEqual({ host: '127.0.0.1', port: 1995 })
  expect(config.smtpIn).toMatchObject({ maxSizeOctets: 10 * 1024 * 1024, plusAddressFolders: true })
  expect(config.spam).toMatchObject({ filter: false, thresholds: { tag: 5.5, quarantine: 9, reject: null } })
  expect(config.quarantine.keepMs).toBe(7_200_000)
})

test.each([
  ['hostnam: x', /^restante\.yaml:1:1: hostnam: unknown key; did you mean “hostname”\?/],
  [
    'listen:\n  smtp: { prt: 25 }',
    /^restante\.yaml:2:11: listen\.smtp\.prt: unknown key; did you mean “port”\?/,
  ],
  [
    'spam:\n  thresholds: { tag: abc }',
    /^restante\.yaml:2:17: spam\.thresholds\.tag: must be a number of points/,
  ],
  ['smtp_in: { max_size: 35XB }', /^restante\.yaml:1:12: smtp_in\.max_size: must be a size such as 35MB/],
  ['spam:\n  overrides:\n    - { domian: a }', /^restante\.yaml:3:9: spam\.overrides\.0\.domian: .*“domain”/],
  ['tls: { cert: a }', /^restante\.yaml:1:1: tls\.key: is missing/],
  ['listen: { smtp: 25 }', /^restante\.yaml:1:11: listen\.smtp: must be off, or \{ host, port \}/],
  ['a: [', /^restante\.yaml:1:\d+: /],
  ['a: 1\na: 2', /^restante\.yaml:2:1: Map keys must be unique/],
  ['- a', /^restante\.yaml:1:1: must be a group of keys/],
  ['listen: { smtp: { port: 70000 } }', /port: must be at most 65535/],
  ['hostname: ${NOT_THERE}', /hostname: environment variable NOT_THERE is not set/],
])('%j is refused with its place', (source, expected) => expect(findings(source)[0]).toMatch(expected))

test('all findings come at once, in order', () => {
  expect(
    findings('log: { level: loud }\nhostnam: a\nsmtp_in: { max_recipients: 3 }').map(
      (line) => line.split(':')[1],
    ),
  ).toEqual(['1', '2', '3'])
})

test('the environment fills in', () => {
  expect(parseConfig('hostname: mx.${ZONE}', 'f', { ZONE: 'acme.example' }).hostname).toBe('mx.acme.example')
})

test('every key says what it is for', () => {
  const leaves = configKeys().filter((key) => key.default !== '')
  expect(leaves.length).toBeGreaterThan(25)
  expect(leaves.filter((key) => key.about === '').map((key) => key.key)).toEqual([])
})
