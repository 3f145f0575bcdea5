import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openCpuAccount } from '../cpu-account.ts'
import { DOMAIN } from '../filling.ts'
import { MAIL_UID } from './dovecot.ts'
import { freePorts } from './free-ports.ts'
import { type MailServer, type Running, ServerError, startProgram, waitForPort } from './server.ts'

/** What Postfix is to be. */
export interface PostfixPlan {
  readonly name: string
  readonly folder: string
  /** Recipients, each with a Maildir of its own. */
  readonly logins: readonly string[]
}

/** Why Postfix cannot be measured here, or null. */
export function postfixMissing(): string | null {
  if (process.getuid?.() !== 0) return 'Postfix needs root to start'
  if (spawnSync('postconf', ['-d', 'mail_version']).status !== 0) return 'no postfix found (Debian: postfix)'
  return null
}

/** The version Postfix tells. */
export function postfixVersion(): string {
  return spawnSync('postconf', ['-dh', 'mail_version'], { encoding: 'utf8' }).stdout.trim()
}

function mainCf(folder: string): string {
  return `compatibility_level = 3.6
config_directory = ${folder}/etc
queue_directory = ${folder}/queue
data_directory = ${folder}/data
maillog_file =
mail_owner = postfix
setgid_group = postdrop
syslog_name = restante-bench
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = ${DOMAIN}
mydestination =
mynetworks =
alias_maps =
local_recipient_maps =
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
default_process_limit = 200
virtual_mailbox_domains = ${DOMAIN}
virtual_mailbox_maps = hash:${folder}/etc/recipients
virtual_mailbox_base = ${folder}/mail
virtual_uid_maps = static:${MAIL_UID}
virtual_gid_maps = static:${MAIL_UID}
virtual_transport = virtual
virtual_mailbox_limit = 0
virtual_destination_concurrency_limit = 20
initial_destination_concurrency = 20
default_destination_concurrency_limit = 20
in_flow_delay = 0
message_size_limit = 104857600
smtp_dns_support_level = disabled
notify_classes =
`
}

function masterCf(port: number): string {
  return `127.0.0.1:${port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
`
}

const SETTLE_MS = 120_000

/** Whether any file lies in a folder, at any depth. */
function holdsFiles(folder: string): boolean {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (!entry.isDirectory() || holdsFiles(join(folder, entry.name))) return true
  return false
}

/** Starts a Postfix of our own in a folder: durable, tuned, delivering into Maildirs. @throws {ServerError} */
export async function startPostfix(plan: PostfixPlan): Promise<MailServer> {
  const { folder } = plan
  for (const part of ['etc', 'queue', 'data', 'mail']) mkdirSync(join(folder, part), { recursive: true })
  for (const part of ['.', 'etc', 'queue', 'mail']) chmodSync(join(folder, part), 0o755)
  chownSync(join(folder, 'mail'), MAIL_UID, MAIL_UID)
  const uid = /^postfix:[^:]*:(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[1]
  if (uid === undefined) throw new ServerError('there is no user postfix')
  chownSync(join(folder, 'data'), Number(uid), statSync(join(folder, 'data')).gid)
  const [smtp = 0] = await freePorts(1)
  const etc = join(folder, 'etc')
  writeFileSync(join(etc, 'main.cf'), mainCf(folder))
  writeFileSync(join(etc, 'master.cf'), masterCf(smtp))
  writeFileSync(
    join(etc, 'recipients'),
    plan.logins.map((login) => `${login}@${DOMAIN} ${login}/\n`).join(''),
  )
  const run = (command: string, ...args: string[]): void => {
    const { status, stderr } = spawnSync(command, ['-c', etc, ...args], { encoding: 'utf8' })
    if (status !== 0) throw new ServerError(`${command} ${args.join(' ')}: ${stderr}`)
  }
  run('postmap', `hash:${join(etc, 'recipients')}`)
  run('postfix', 'check')
  const cpu = openCpuAccount(plan.name)
  const daemons = spawnSync('postconf', ['-c', etc, '-h', 'daemon_directory'], { encoding: 'utf8' })
  const start = async (): Promise<Running> => {
    // Its master in the foreground, without the script that usually starts it.
    const running = await startProgram(join(daemons.stdout.trim(), 'master'), ['-c', etc], {
      cpu,
      log: join(folder, 'output'),
      cwd: folder,
      env: { ...process.env, MAIL_CONFIG: etc },
    })
    try {
      await waitForPort(smtp, running)
    } catch (error) {
      await running.stop()
      throw error
    }
    return running
  }
  let running = await start()
  return {
    name: plan.name,
    ports: { smtp },
    cpu,
    get pid() {
      return running.pid
    },
    async restart() {
      await running.stop()
      running = await start()
    },
    async settle() {
      const lateMs = performance.now() + SETTLE_MS
      const queues = ['incoming', 'active', 'deferred'].map((name) => join(folder, 'queue', name))
      while (queues.some(holdsFiles)) {
        if (performance.now() > lateMs) throw new ServerError('Postfix keeps mail in its queue')
        await wait(5)
      }
    },
    async countStored() {
      let count = 0
      for (const login of plan.logins) {
        try {
          count += readdirSync(join(folder, 'mail', login, 'new')).length
        } catch {
          // Nobody wrote to this one.
        }
      }
      return count
    },
    async stop() {
      await running.stop()
      await cpu.close()
    },
  }
}
