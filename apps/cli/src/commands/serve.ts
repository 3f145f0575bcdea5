import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { canonicalAddress, parsePath } from '@restante/mail'
import type { Config } from '@restante/runtime'
import { readArguments } from '../arguments.ts'
import { usage } from '../exit.ts'
import { createAccount } from '../people.ts'
import { runInstance } from '../run-instance.ts'
import { CONFIG_FILE, loadConfig, openStore, withCertificate } from '../settings.ts'
import { ROLES, type Role } from '../supervisor.ts'
import { bold, dim, hasColour, say, sayJson } from '../terminal.ts'

const FIRST_ADDRESS = 'me@localhost.example'

const FIRST_CONFIG = `# Restante on this machine: everything has a working default, this file names what you will change first.
# All keys, each with its meaning: restante config show
hostname: localhost
domains: [localhost.example]

store:
  directory: ./data

# 127.0.0.1 = only this machine. For the world: host "::", ports 25, 110, 995.
listen:
  smtp:  { host: 127.0.0.1, port: 2525 }
  pop3:  { host: 127.0.0.1, port: 1110 }
  pop3s: { host: 127.0.0.1, port: 1995 }

# Whom to ask about senders: SPF, DKIM, DMARC, DNS lists. For mail from the world: system, or a resolver on this machine.
dns: off

# Without this a self-signed certificate is made in the data folder.
# tls: { cert: ./tls/cert.pem, key: ./tls/key.pem }

spam:
  thresholds: { tag: 6, quarantine: 9, reject: 18 }
`

/** `restante serve [ROLE]`: runs the suite, or one role of it, until told to stop. */
export async function run(line: readonly string[]): Promise<number> {
  const given = readArguments(line, { config: 'text', data: 'text', json: 'flag' })
  const [wanted, ...more] = given.rest
  if (more.length > 0 || (wanted !== undefined && !ROLES.includes(wanted as Role))) {
    throw usage(`serve takes one role or none: ${ROLES.join(', ')}.`)
  }
  const file = resolve(given.text('config') ?? CONFIG_FILE)
  const json = given.flag('json')
  const first = !existsSync(file) && given.text('config') === undefined
  if (first) writeFileSync(file, FIRST_CONFIG, { flag: 'wx' })
  const load = (): Config => {
    const config = loadConfig(file)
    const data = given.text('data')
    return withCertificate(
      data === undefined ? config : { ...config, store: { ...config.store, directory: resolve(data) } },
    )
  }
  const config = load()
  const account = await seed(config)
  let shown = false
  const running = runInstance({
    config,
    roles: wanted === undefined ? ROLES : [wanted as Role],
    json,
    reload: load,
    chooses: (key) => `${key} (${file})`,
    rows: (words) => {
      const colour = hasColour()
      const rows: [string, string][] = [[words.config, file]]
      if (account) {
        shown = true
        rows.push([
          words.account,
          `${bold(account.address, colour)}   ${words.password} ${bold(account.password, colour)}  ${dim(`(${words.shownOnce})`, colour)}`,
        ])
      }
      return rows
    },
    onReady: (_ports, words) => {
      if (json) {
        shown = true
        if (account) sayJson({ event: 'account', ...account })
        return
      }
      const colour = hasColour()
      if (config.tls?.cert.startsWith(config.store.directory)) say(`\n  ${dim(words.selfSigned, colour)}`)
      const address = account?.address ?? 'ADDRESS'
      say(`\n  ${words.tryIt}:  ./restante send-test ${address}`)
      if (account && config.listen.pop3s) {
        say(
          `           curl -k --user ${account.address}:${account.password} pop3s://${config.listen.pop3s.host}:${config.listen.pop3s.port}/1`,
        )
      }
      say()
    },
  })
  try {
    return await running
  } finally {
    // Made, but not shown because something else went wrong: it will not be shown again.
    if (account && !shown) say(`${account.address}  ${account.password}`)
  }
}

/** At the first start: the domains of the config, and one account when there is none at all. */
async function seed(config: Config): Promise<{ address: string; password: string } | null> {
  await using store = await openStore(config, { create: true })
  const { directory } = store
  if ((await directory.domains()).length === 0) {
    for (const name of config.domains) await directory.putDomain({ name, catchAll: null })
  }
  if ((await directory.accounts()).length > 0) return null
  const address = config.domains[0] === undefined ? FIRST_ADDRESS : `me@${config.domains[0]}`
  const path = parsePath(address)
  if (path === null) throw usage(`“${config.domains[0]}” under domains: is not a domain.`)
  const password = randomBytes(9).toString('base64url')
  await createAccount(directory, canonicalAddress(path), password)
  return { address, password }
}
