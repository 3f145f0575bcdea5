import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectPop3 } from '@restante/pop3-client'

/** Where and as whom a client fetches. */
export interface Maildrop {
  readonly port: number
  /** `anna@acme.example` or `anna@acme.example/quarantine`. */
  readonly login: string
  readonly password: string
}

/** A real POP3 client that fetches a whole maildrop over TLS into a folder of its own. */
export interface Client {
  readonly program: string
  /** Whether it takes what it fetched off the server. */
  readonly deletes: boolean
  /**
   * What of a message it keeps: every octet; all but the kind of line ends; or (a client that takes messages apart and
   * writes every header anew) all but white space.
   */
  readonly keeps: 'octets' | 'lines' | 'all but white space'
  /** Resolves with one message per element. */
  fetch(maildrop: Maildrop, folder: string): Promise<readonly Buffer[]>
}

/** Our own client's name; it needs no installing. */
export const OUR_OWN = 'pop3-client'

/** The clients of the main job: our own, which is always there, and those of Debian. */
export const CLIENTS: readonly Client[] = [
  {
    program: OUR_OWN,
    deletes: true,
    keeps: 'octets',
    async fetch({ port, login, password }) {
      const client = await connectPop3({
        host: '127.0.0.1',
        port,
        tls: 'implicit',
        rejectUnauthorized: false,
        login: { name: login, password },
      })
      const messages: Buffer[] = []
      for (const { number } of await client.list()) {
        messages.push(Buffer.from(await client.retrWhole(number)))
        await client.dele(number)
      }
      await client.quit()
      return messages
    },
  },
  {
    program: 'curl',
    deletes: false,
    keeps: 'octets',
    async fetch({ port, login, password }, folder) {
      // The login may hold a slash, so it goes into a config file rather than into the URL.
      const config = join(folder, 'curlrc')
      writeFileSync(config, `user = "${login}:${password}"\ninsecure\nsilent\nshow-error\n`, { mode: 0o600 })
      const list = await run('curl', ['-q', '-K', config, `pop3s://127.0.0.1:${port}/`])
      const count = list
        .toString('latin1')
        .split('\r\n')
        .filter((line) => /^\d+ \d+$/.test(line)).length
      if (count === 0) return []
      mkdirSync(join(folder, 'got'))
      await run('curl', [
        '-q',
        '-K',
        config,
        '-o',
        join(folder, 'got', '#1'),
        `pop3s://127.0.0.1:${port}/[1-${count}]`,
      ])
      return readFolder(join(folder, 'got'))
    },
  },
  {
    program: 'fetchmail',
    deletes: true,
    keeps: 'lines',
    async fetch({ port, login, password }, folder) {
      const keep = makeKeeper(folder)
      const rc = join(folder, 'fetchmailrc')
      writeFileSync(
        rc,
        `set invisible\npoll 127.0.0.1 protocol pop3 port ${port}\n  user "${login}" password "${password}"\n  ssl no sslcertck fetchall no keep no rewrite no mimedecode\n  mda "${keep}"\n`,
        { mode: 0o600 },
      )
      // 1 = there was no mail.
      await run(
        'fetchmail',
        [
          '-f',
          rc,
          '--pidfile',
          join(folder, 'pid'),
          '-i',
          join(folder, 'ids'),
          '--nosyslog',
          '--nodetach',
          '-s',
        ],
        [0, 1],
        { HOME: folder, FETCHMAILHOME: folder },
      )
      return readFolder(join(folder, 'got'))
    },
  },
  {
    program: 'mpop',
    deletes: true,
    keeps: 'lines',
    async fetch({ port, login, password }, folder) {
      const maildir = makeMaildir(folder)
      const rc = join(folder, 'mpoprc')
      writeFileSync(
        rc,
        `account default\nhost 127.0.0.1\nport ${port}\nuser ${login}\npassword "${password}"\ntls on\ntls_starttls off\ntls_certcheck off\nkeep off\nreceived_header off\ndelivery maildir ${maildir}\nuidls_file ${join(folder, 'uidls')}\n`,
        { mode: 0o600 },
      )
      await run('mpop', ['-C', rc, '-q'], [0], { HOME: folder })
      return readFolder(join(maildir, 'new'))
    },
  },
  {
    program: 'getmail',
    deletes: true,
    keeps: 'all but white space',
    async fetch({ port, login, password }, folder) {
      const keep = makeKeeper(folder, 0.02)
      const rc = join(folder, 'getmailrc')
      writeFileSync(
        rc,
        `[retriever]\ntype = SimplePOP3SSLRetriever\nserver = 127.0.0.1\nport = ${port}\nusername = ${login}\npassword = ${password}\n[destination]\ntype = MDA_external\npath = ${keep}\nallow_root_commands = true\n[options]\ndelete = true\nread_all = true\nverbose = 0\ndelivered_to = false\nreceived = false\n`,
        { mode: 0o600 },
      )
      await run('getmail', ['--rcfile', rc, '--getmaildir', folder], [0], { HOME: folder })
      return readFolder(join(folder, 'got'))
    },
  },
]

async function run(
  program: string,
  args: readonly string[],
  accepted: readonly number[] = [0],
  environment: Readonly<Record<string, string>> = {},
): Promise<Buffer> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  })
  const out: Buffer[] = []
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const [code] = (await once(child, 'close')) as [number]
  if (!accepted.includes(code))
    throw new Error(`${program} ended with ${code}: ${said || Buffer.concat(out).toString()}`)
  return Buffer.concat(out)
}

/**
 * A program that keeps each message it is given in a file of its own under `got`. getmail misses the end of a child
 * that is quicker than itself, and then waits a minute for it: `pauseSeconds` makes the child slow enough.
 */
function makeKeeper(folder: string, pauseSeconds = 0): string {
  mkdirSync(join(folder, 'got'))
  const keep = join(folder, 'keep.sh')
  const script = `#!/bin/sh\ncat > "$(mktemp "${join(folder, 'got')}/XXXXXXXX")" && sleep ${pauseSeconds}\n`
  writeFileSync(keep, script, { mode: 0o700 })
  return keep
}

function makeMaildir(folder: string): string {
  const maildir = join(folder, 'maildir')
  for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(maildir, part), { recursive: true })
  return maildir
}

function readFolder(folder: string): readonly Buffer[] {
  return readdirSync(folder).map((file) => readFileSync(join(folder, file)))
}
