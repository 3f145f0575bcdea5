import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CertificatePair } from '@restante/runtime'
import { openCpuAccount } from '../cpu-account.ts'
import { freePorts } from './free-ports.ts'
import { type MailServer, type Running, ServerError, startProgram, waitForPort } from './server.ts'

/** The owner of all mail of the peers; needs no entry in the password file. */
export const MAIL_UID = 5000

/** What one Dovecot is to be. */
export interface DovecotPlan {
  readonly name: string
  readonly folder: string
  /** Maildirs by login name. */
  readonly mail: string
  readonly logins: readonly string[]
  readonly password: string
  readonly scheme: 'PLAIN' | 'ARGON2ID'
  /** `pooled`: two long-lived processes serve all sessions (its high-performance mode); `default`: a process each. */
  readonly processes: 'pooled' | 'default'
  readonly authCache: boolean
  readonly certificate: CertificatePair
}

/** Why Dovecot cannot be measured here, or null. */
export function dovecotMissing(): string | null {
  if (process.getuid?.() !== 0) return 'Dovecot needs root to start'
  const { stdout, error } = spawnSync('dovecot', ['--version'], { encoding: 'utf8' })
  if (error) return 'no dovecot found (Debian: dovecot-pop3d)'
  if (!stdout.startsWith('2.3.')) return `its settings here are for Dovecot 2.3, this is ${stdout.trim()}`
  return null
}

/** The version Dovecot tells. */
export function dovecotVersion(): string {
  return spawnSync('dovecot', ['--version'], { encoding: 'utf8' }).stdout.trim()
}

const POOLED = `service_count = 0
  client_limit = 2000
  process_min_avail = 2
  process_limit = 2`

function settings(plan: DovecotPlan, pop3: number, pop3s: number): string {
  const { folder } = plan
  return `base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
protocols = pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <${folder}/tls.cert
ssl_key = <${folder}/tls.key
disable_plaintext_auth = no
auth_mechanisms = plain
auth_cache_size = ${plan.authCache ? '10M' : '0'}
mail_location = maildir:${plan.mail}/%n
mail_uid = ${MAIL_UID}
mail_gid = ${MAIL_UID}
first_valid_uid = 500
mail_max_userip_connections = 0
mail_fsync = optimized
maildir_very_dirty_syncs = yes
pop3_no_flag_updates = yes
pop3_fast_size_lookups = yes
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%n ${folder}/users
}
userdb {
  driver = static
  args = uid=${MAIL_UID} gid=${MAIL_UID} home=${folder}/home/%n allow_all_users=yes
}
service anvil {
  client_limit = 10000
}
service auth {
  client_limit = 10000
}
service stats {
  client_limit = 10000
}
service pop3-login {
  inet_listener pop3 {
    port = ${pop3}
  }
  inet_listener pop3s {
    port = ${pop3s}
    ssl = yes
  }
  service_count = 0
  process_min_avail = 2
  process_limit = 2
  client_limit = 5000
  vsz_limit = 1G
}
service pop3 {
  ${plan.processes === 'pooled' ? POOLED : 'process_limit = 4096'}
  vsz_limit = 4G
}
`
}

/** Hashes a password as Dovecot would by default. */
function hash(password: string, scheme: string): string {
  if (scheme === 'PLAIN') return `{PLAIN}${password}`
  const { stdout, stderr, status } = spawnSync(
    'doveadm',
    ['-c', '/dev/null', 'pw', '-s', scheme, '-p', password],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new ServerError(`doveadm pw: ${stderr}`)
  return stdout.trim()
}

/** Starts a Dovecot of our own in a folder. @throws {ServerError} */
export async function startDovecot(plan: DovecotPlan): Promise<MailServer> {
  const { folder } = plan
  for (const part of ['run', 'state', 'home']) mkdirSync(join(folder, part), { recursive: true })
  chownSync(join(folder, 'home'), MAIL_UID, MAIL_UID)
  const verifier = hash(plan.password, plan.scheme)
  writeFileSync(join(folder, 'users'), plan.logins.map((login) => `${login}:${verifier}\n`).join(''))
  // Its processes for logins run as another user, and must get here.
  chmodSync(folder, 0o755)
  writeFileSync(join(folder, 'tls.cert'), plan.certificate.cert)
  writeFileSync(join(folder, 'tls.key'), plan.certificate.key, { mode: 0o600 })
  const [pop3 = 0, pop3s = 0] = await freePorts(2)
  const file = join(folder, 'dovecot.conf')
  writeFileSync(file, settings(plan, pop3, pop3s))
  const cpu = openCpuAccount(plan.name)
  const start = async (): Promise<Running> => {
    // Its limits on connections ask for many files; a shell raises that as far as it may go.
    const running = await startProgram(
      '/bin/sh',
      ['-c', 'ulimit -n "$(ulimit -Hn)"; exec dovecot -F -c "$0"', file],
      { cpu, log: join(folder, 'output'), cwd: folder },
    )
    try {
      await waitForPort(pop3, running)
    } catch (error) {
      await running.stop()
      throw error
    }
    return running
  }
  let running = await start()
  return {
    name: plan.name,
    ports: { pop3, pop3s },
    cpu,
    get pid() {
      return running.pid
    },
    async restart() {
      await running.stop()
      running = await start()
    },
    settle: async () => {},
    countStored: async () => 0,
    async stop() {
      await running.stop()
      await cpu.close()
    },
  }
}
