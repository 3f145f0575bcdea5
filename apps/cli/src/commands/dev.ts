import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Config, Listen } from '@restante/runtime'
import { defaultConfig, isNameServer } from '@restante/runtime'
import { type Arguments, oneOf, portOf, readArguments } from '../arguments.ts'
import { usage } from '../exit.ts'
import { ensureDevAccounts, readAccountEntry } from '../people.ts'
import { runInstance } from '../run-instance.ts'
import { loadConfig, openStore, withCertificate } from '../settings.ts'
import { ROLES } from '../supervisor.ts'
import { dim, hasColour, say } from '../terminal.ts'

const OPTIONS = {
  host: 'text',
  smtp: 'text',
  submission: 'text',
  lmtp: 'text',
  pop3: 'text',
  pop3s: 'text',
  http: 'text',
  data: 'text',
  store: 'text',
  account: 'texts',
  accounts: 'text',
  filter: 'text',
  limits: 'text',
  dns: 'text',
  config: 'text',
  pidfile: 'text',
  json: 'flag',
} as const

/** `restante dev`: the whole stack for a developer, on free ports, in a folder that goes away at the end. */
export async function run(line: readonly string[]): Promise<number> {
  const given = readArguments(line, OPTIONS)
  if (given.rest.length > 0) throw usage(`dev takes options only, not “${given.rest[0]}”.`)
  const entries = readEntries(given)
  const store = given.text('store') ?? 'local'
  if (store !== 'local') throw usage(`--store ${store}: only the local store exists in this release.`)
  const temporary = given.text('data') === undefined
  // Everything that can be wrong with the options is told before a folder is made for them.
  devConfig(given, tmpdir(), entries[0]?.address ?? FALLBACK.address)
  const directory = temporary
    ? mkdtempSync(join(tmpdir(), 'restante-dev-'))
    : resolve(given.text('data') as string)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const load = (): Config =>
    withCertificate(devConfig(given, directory, entries[0]?.address ?? FALLBACK.address))
  const config = load()
  const shown = entries[0] ?? FALLBACK
  {
    await using open = await openStore(config, { create: true })
    const existing = await open.directory.accounts()
    await ensureDevAccounts(
      open.directory,
      entries.length === 0 && existing.length === 0 ? [FALLBACK] : entries,
    )
    for (const name of config.domains) {
      if ((await open.directory.domain(name)) === null)
        await open.directory.putDomain({ name, catchAll: null })
    }
  }
  const pidfile = given.text('pidfile')
  if (pidfile !== undefined) (await import('node:fs')).writeFileSync(pidfile, `${process.pid}\n`)
  return runInstance({
    config,
    roles: ROLES,
    json: given.flag('json'),
    reload: load,
    chooses: (key) => `--${key.split('.')[1]} PORT`,
    rows: (words) => [
      ...(temporary ? [['', dim(`(${words.temporary})`, hasColour())] as const] : []),
      [words.account, `${shown.address}   ${words.password} ${shown.password}`],
    ],
    onReady: (ports, words) => {
      if (given.flag('json')) return
      say(`\n  ${words.tryIt}:  ./restante send-test ${shown.address} --data ${directory}`)
      if (ports['pop3s'] !== undefined) {
        say(
          `           curl -k --user '${shown.address}:${shown.password}' pop3s://${config.listen.pop3s?.host}:${ports['pop3s']}/1`,
        )
      }
      say()
    },
    onStopped: () => {
      if (temporary) rmSync(directory, { recursive: true, force: true })
      if (pidfile !== undefined) rmSync(pidfile, { force: true })
    },
  })
}

const FALLBACK = { address: 'anna@acme.example', password: 'secret' }

function readEntries(given: Arguments): { address: string; password: string }[] {
  const entries = given.texts('account').map(readAccountEntry)
  const file = given.text('accounts')
  if (file !== undefined) {
    let text: string
    try {
      text = readFileSync(file, 'utf8')
    } catch (error) {
      throw usage(`Cannot read --accounts ${file}: ${(error as Error).message}`)
    }
    // Only the line end is taken off: spaces belong to the password.
    for (const entry of text.split(/\r?\n/)) if (entry !== '') entries.push(readAccountEntry(entry))
  }
  return entries
}

function devConfig(given: Arguments, directory: string, firstAddress: string): Config {
  const file = given.text('config')
  const base = file === undefined ? defaultConfig() : loadConfig(file)
  const host = given.text('host') ?? '127.0.0.1'
  const filter = oneOf(given, 'filter', ['on', 'off'], base.spam.filter ? 'on' : 'off')
  const limits = oneOf(given, 'limits', ['on', 'off'], base.limits.perAddress ? 'on' : 'off')
  const dns = given.text('dns')
  if (dns !== undefined && dns !== 'off' && !isNameServer(dns))
    throw usage(`--dns takes off or HOST:PORT, HOST an IP address or localhost, not “${dns}”.`)
  const listen = (name: string): Listen | null => {
    const port = portOf(given, name)
    return port === null ? null : { host, port: port ?? 0 }
  }
  portOf(given, 'http')
  const firstDomain = firstAddress.slice(firstAddress.lastIndexOf('@') + 1)
  return {
    ...base,
    hostname: base.hostname === 'localhost' ? `mail.${firstDomain}` : base.hostname,
    domains: [...new Set([...base.domains, firstDomain])],
    // Developers' machines ask nobody unless told whom.
    dns: dns === undefined ? (Array.isArray(base.dns) ? base.dns : 'off') : dns === 'off' ? 'off' : [dns],
    store: { ...base.store, directory },
    listen: {
      smtp: listen('smtp'),
      lmtp: listen('lmtp'),
      submission: listen('submission'),
      submissions: null,
      pop3: listen('pop3'),
      pop3s: listen('pop3s'),
    },
    spam: { ...base.spam, filter: filter === 'on' },
    pop3: { ...base.pop3, plainLogin: 'loopback', defaultDomain: firstDomain },
    limits: { ...base.limits, perAddress: limits === 'on' },
    log: { ...base.log, file: base.log.file ?? (process.stderr.isTTY ? null : join(directory, 'dev.log')) },
  }
}
