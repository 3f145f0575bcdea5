import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { accountCredentials } from '@restante/accounts'
import { type Config, defaultConfig, type Log, selfSignedCertificate, silentLog } from '@restante/runtime'
import { type LocalStore, openLocalStore } from '@restante/store-local'
import { startPop3d } from '../src/pop3d.ts'

/** A pop3d with Anna (password `correct horse`), one message in her inbox and one in her quarantine. */
export interface RunningPop3d extends AsyncDisposable {
  readonly ports: Readonly<Record<string, number>>
  readonly store: LocalStore
  readonly logged: readonly (readonly [string, Record<string, unknown>])[]
  readonly clock: { nowMs: number }
  reload(changed: Partial<Config>): Promise<readonly string[]>
  /** Says lines over plain POP3 and answers every line that comes back. */
  talk(...lines: readonly string[]): Promise<readonly string[]>
}

export const MESSAGE = 'Subject: first\r\n\r\n.dot at the start\r\n'

export async function runPop3d(changed: Partial<Config> = {}): Promise<RunningPop3d> {
  const directory = await mkdtemp(join(tmpdir(), 'restante-pop3d-'))
  const pair = selfSignedCertificate(['mail.acme.example', '127.0.0.1'], Date.now())
  await writeFile(join(directory, 'cert.pem'), pair.cert)
  await writeFile(join(directory, 'key.pem'), pair.key)
  const base = defaultConfig()
  const config: Config = {
    ...base,
    domains: ['acme.example'],
    store: { directory, floorOctets: 0 },
    listen: {
      ...base.listen,
      smtp: null,
      pop3: { host: '127.0.0.1', port: 0 },
      pop3s: { host: '127.0.0.1', port: 0 },
    },
    tls: { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') },
    limits: { ...base.limits, perAddress: false },
    ...changed,
  }
  const store = await openLocalStore({ directory, floorOctets: 0 })
  const credentials = await accountCredentials('correct horse')
  const anna = await store.directory.addAccount(
    'anna@acme.example',
    credentials.map((made) => ({ ...made, device: '' })),
  )
  if (anna === null) throw new Error('no account')
  for (const folder of ['inbox', 'quarantine']) {
    const staged = await store.stage(Buffer.from(MESSAGE))
    await staged.commit(
      {
        reversePath: null,
        recipients: [],
        clientIp: '',
        helo: '',
        receivedAtMs: Date.now(),
        protocol: 'local',
        tls: null,
        authenticatedAs: null,
        sessionId: 's',
      },
      [
        {
          account: anna.id,
          folder,
          prefix: new Uint8Array(0),
          ...(folder === 'quarantine' ? { hold: { class: 'spam', reason: 'x', expiresAtMs: null } } : {}),
        },
      ],
    )
  }
  const logged: [string, Record<string, unknown>][] = []
  const note = (event: string, fields?: object) => void logged.push([event, { ...fields }])
  const log: Log = { ...silentLog, info: note, warn: note, error: note }
  const clock = { nowMs: Date.now() }
  const role = await startPop3d(config, { log, now: () => clock.nowMs, signal: new AbortController().signal })
  return {
    ports: role.ports,
    store,
    logged,
    clock,
    reload: async (more) => (await role.reload?.({ ...config, ...more })) ?? [],
    async talk(...lines) {
      const socket = connect(role.ports['pop3'] as number, '127.0.0.1')
      socket.end(lines.map((line) => `${line}\r\n`).join(''))
      const replies: string[] = []
      for await (const line of createInterface({ input: socket })) replies.push(line)
      return replies
    },
    async [Symbol.asyncDispose]() {
      await role.stop()
      await store[Symbol.asyncDispose]()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
