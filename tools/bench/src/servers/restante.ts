import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openCpuAccount } from '../cpu-account.ts'
import { countStored, DOMAIN } from '../filling.ts'
import { type MailServer, type Running, ServerError, startProgram } from './server.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const READY_MS = 180_000

/** What one of our own instances is to be. */
export interface RestantePlan {
  readonly name: string
  /** For its logs. */
  readonly folder: string
  /** Its data folder, filled already where mail is wanted. */
  readonly data: string
  readonly logins: readonly string[]
  readonly password: string
  readonly filter: 'on' | 'off'
}

/** Starts `./restante dev` as a developer would, on free ports. @throws {ServerError} */
export async function startRestante(plan: RestantePlan): Promise<MailServer> {
  mkdirSync(plan.folder, { recursive: true })
  const accounts = join(plan.folder, 'accounts')
  writeFileSync(accounts, plan.logins.map((login) => `${login}@${DOMAIN}:${plan.password}\n`).join(''), {
    mode: 0o600,
  })
  const cpu = openCpuAccount(plan.name)
  const args = ['dev', '--json', '--limits', 'off', '--filter', plan.filter]
  args.push('--accounts', accounts, '--data', plan.data)

  const start = async (): Promise<{ running: Running; ports: Ports }> => {
    const ready = Promise.withResolvers<Ports>()
    let text = ''
    const running = await startProgram(join(root, 'restante'), args, {
      cpu,
      log: join(plan.folder, 'log'),
      cwd: plan.folder,
      onOutput(chunk) {
        text += chunk
        const end = text.indexOf('\n')
        if (end >= 0) ready.resolve(readyPorts(text.slice(0, end)))
      },
    })
    const fail = (): void => ready.reject(new ServerError(`${plan.name} did not start: ${plan.folder}/log`))
    const timer = setTimeout(fail, READY_MS)
    running.child.once('exit', fail)
    try {
      return { running, ports: await ready.promise }
    } catch (error) {
      await running.stop()
      throw error
    } finally {
      clearTimeout(timer)
      running.child.off('exit', fail)
    }
  }
  let now = await start()
  return {
    name: plan.name,
    cpu,
    get ports() {
      return now.ports
    },
    get pid() {
      return now.running.pid
    },
    async restart() {
      await now.running.stop()
      now = await start()
    },
    // 250 means stored.
    settle: async () => {},
    countStored: () => countStored(plan.data),
    async stop() {
      await now.running.stop()
      await cpu.close()
    },
  }
}

interface Ports {
  readonly smtp: number
  readonly pop3: number
  readonly pop3s: number
}

function readyPorts(line: string): Ports {
  const { smtp, pop3, pop3s } = JSON.parse(line) as Ports
  return { smtp, pop3, pop3s }
}

/** Runs a `restante` command to its end. @throws {ServerError} with what it said */
export async function runRestante(args: readonly string[], folder: string): Promise<void> {
  let said = ''
  const running = await startProgram(join(root, 'restante'), args, {
    cpu: { how: '', wrap: (command, rest) => [command, rest], readMs: () => 0, close: async () => {} },
    log: join(folder, 'command.log'),
    cwd: folder,
    onOutput: (text) => {
      said += text
    },
  })
  const code = await new Promise<number | null>((resolve) => running.child.once('close', resolve))
  await running.stop()
  if (code !== 0) throw new ServerError(`restante ${args.join(' ')} ended with ${code}: ${said}`)
}
