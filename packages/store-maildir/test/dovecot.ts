import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { requirePeer } from '@restante/peers'
import { onTestFinished } from 'vitest'
import { actAsMailOwner, actAsTester, mailOwner } from './mail-owner.ts'

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** The lines the README shows an operator, for a store's folder and the owner of its files. */
function shownLines(directory: string): string {
  const readme = readFileSync(fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8')
  const shown = /```dovecot\n([\s\S]*?)```/.exec(readme)?.[1]
  if (shown === undefined) throw new Error('the README shows no lines for Dovecot')
  return shown
    .replaceAll('/var/lib/restante', directory)
    .replaceAll('uid=restante', `uid=${mailOwner.uid}`)
    .replaceAll('gid=restante', `gid=${mailOwner.gid}`)
}

/**
 * A Dovecot (IMAP) on loopback over a store's Maildirs, configured as the README says, passwords in a plain passwd-file; stopped and
 * removed with the test. Answers with its port.
 */
export async function startDovecot(directory: string, addresses: readonly string[]): Promise<number> {
  actAsTester()
  const peer = requirePeer('dovecot')
  if (peer.missing) throw new Error('no dovecot')
  const folder = await mkdtemp(join(tmpdir(), 'dovecot-'))
  // Its processes run as several users.
  await chmod(folder, 0o755)
  const port = await freePort()
  const { uid, username } = userInfo()
  const own =
    uid === 0
      ? ''
      : `default_internal_user = ${username}\ndefault_login_user = ${username}\ndefault_internal_group =`
  await mkdir(join(folder, 'run'))
  await writeFile(join(folder, 'passwd'), addresses.map((address) => `${address}:{PLAIN}secret\n`).join(''))
  await writeFile(
    join(folder, 'dovecot.conf'),
    `base_dir = ${folder}/run
log_path = ${folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_failure_delay = 0
first_valid_uid = 1
${own}
service anvil {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
passdb {
  driver = passwd-file
  args = username_format=%u ${folder}/passwd
}
${shownLines(directory)}`,
  )
  const child = spawn(peer.path, ['-F', '-c', join(folder, 'dovecot.conf')], { stdio: 'ignore' })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  onTestFinished(async () => {
    actAsTester()
    child.kill('SIGTERM')
    await gone
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  })
  for (let tries = 0; ; tries++) {
    try {
      const session = await connectImap(port)
      session.close()
      actAsMailOwner(directory)
      return port
    } catch {
      if (tries > 200 || child.exitCode !== null) {
        throw new Error(`Dovecot does not answer:\n${readFileSync(join(folder, 'log'), 'utf8')}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

/** An IMAP session, as much of one as a test needs. */
export interface ImapSession {
  /** Sends a command and answers with all that was said until its OK, as Latin-1; throws where it is not OK. */
  ask(command: string): Promise<string>
  close(): void
}

/** Connects, and logs in where an address is given; passwords are `secret`. */
export async function connectImap(port: number, address?: string): Promise<ImapSession> {
  const socket: Socket = connect(port, '127.0.0.1')
  let said = ''
  let failure: Error | null = null
  let look = (): void => {}
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => {
    said += text
    look()
  })
  const end = (error: Error): void => {
    failure ??= error
    look()
  }
  socket.on('error', end)
  socket.on('close', () => end(new Error(`the IMAP server hung up; it had said:\n${said}`)))
  const until = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      look = () => {
        const match = pattern.exec(said)
        if (match) {
          const text = said.slice(0, match.index + match[0].length)
          said = said.slice(text.length)
          resolve(text)
        } else if (failure) reject(failure)
      }
      look()
    })
  await until(/^\* OK .*\r\n/)
  let tags = 0
  const session: ImapSession = {
    async ask(command) {
      const tag = `t${++tags}`
      const [line, literal] = command.split('\0') as [string, string | undefined]
      socket.write(`${tag} ${line}\r\n`, 'latin1')
      if (literal !== undefined) {
        await until(/^\+ .*\r\n/m)
        socket.write(`${literal}\r\n`, 'latin1')
      }
      const text = await until(new RegExp(`^${tag} .*\\r\\n`, 'm'))
      if (!new RegExp(`^${tag} OK`, 'm').test(text)) throw new Error(`${line}: ${text}`)
      return text
    },
    close: () => socket.destroy(),
  }
  if (address !== undefined) {
    await session.ask(`LOGIN "${address}" secret`)
    onTestFinished(() => session.close())
  }
  return session
}
