import { spawn } from 'node:child_process'
import { chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { FoundPeer, MissingPeer } from '@restante/peers'
import { onTestFinished } from 'vitest'
import { CERTIFICATE } from './start.ts'

/** Who owns mail where tests run as root: Dovecot gives root none. */
const NOBODY = 65_534

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('data', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** A Dovecot on loopback with mail for anna, whose password is `secret`; stopped and removed with the test. */
export async function startDovecot(
  peer: FoundPeer | MissingPeer,
  mail: readonly string[],
): Promise<{ readonly port: number; readonly tlsPort: number }> {
  if (peer.missing) throw new Error('no dovecot')
  const folder = await mkdtemp(join(tmpdir(), 'dovecot-'))
  const [port, tlsPort] = [await freePort(), await freePort()]
  const { uid, gid, username } = userInfo()
  const root = uid === 0
  const owner = root ? { uid: NOBODY, gid: NOBODY } : { uid, gid }
  const own = `default_internal_user = ${username}\ndefault_login_user = ${username}\ndefault_internal_group =\n`
  await writeFile(join(folder, 'cert.pem'), CERTIFICATE.cert)
  await writeFile(join(folder, 'key.pem'), CERTIFICATE.key, { mode: 0o600 })
  const inbox = join(folder, 'anna')
  for (const each of [inbox, join(inbox, 'new'), join(inbox, 'cur'), join(inbox, 'tmp')]) {
    await mkdir(each)
    await chown(each, owner.uid, owner.gid)
  }
  await chown(folder, owner.uid, owner.gid)
  for (const [i, text] of mail.entries()) {
    const file = join(inbox, 'new', `${1_700_000_000 + i}.M${i}.host`)
    await writeFile(file, text.replaceAll('\r\n', '\n'), 'latin1')
    await chown(file, owner.uid, owner.gid)
  }
  await writeFile(
    join(folder, 'dovecot.conf'),
    `base_dir = ${folder}/run
log_path = ${folder}/log
protocols = pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <${folder}/cert.pem
ssl_key = <${folder}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login scram-sha-256
first_valid_uid = 1
auth_failure_delay = 0
pop3_lock_session = yes
pop3_uidl_format = %g
${root ? '' : own}
service anvil {
  chroot =
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = ${port}
  }
  inet_listener pop3s {
    port = ${tlsPort}
    ssl = yes
  }
}
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=${owner.uid} gid=${owner.gid} home=${folder}
}
mail_location = maildir:${folder}/%n
`,
  )
  const child = spawn(peer.path, ['-F', '-c', join(folder, 'dovecot.conf')], { stdio: 'ignore' })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await gone
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  })
  for (let tries = 0; !(await answers(port)); tries++) {
    if (tries > 100 || child.exitCode !== null) {
      const log = await readFile(join(folder, 'log'), 'utf8').catch(() => 'no log')
      throw new Error(`Dovecot does not answer:\n${log}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { port, tlsPort }
}
