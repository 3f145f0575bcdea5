import { once } from 'node:events'
import { chmodSync, readdirSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'

/** Plain values, as JSON has them. */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [name: string]: Plain }

/** What a running role can be asked from the command line, by name; each answers at once, from memory. */
export type Controls = Readonly<Record<string, (given: Readonly<Record<string, Plain>>) => Plain>>

/** One role process's answer. */
export type ControlAnswer = { readonly role: string; readonly pid: number } & (
  | { readonly answer: Plain }
  /** It does not know the question, or did not answer in time. */
  | { readonly failed: string }
)

const QUESTION_MAX_OCTETS = 4_096
const ANSWER_MAX_OCTETS = 4 << 20
const DEADLINE_MS = 5_000
const SOCKET_NAME = /^([a-z0-9-]+)\.(\d+)\.sock$/

/**
 * Listens for questions on a Unix socket in the data folder, which only its owner can open.
 * @throws {Error} where there can be no such socket (a path over 107 octets); nothing else depends on it
 */
export async function openControls(
  directory: string,
  role: string,
  controls: Controls,
): Promise<AsyncDisposable> {
  for (const { file, role: other, pid } of socketsIn(directory))
    if (other === role && (pid === process.pid || !isAlive(pid))) rmSync(file, { force: true })
  const file = join(directory, `${role}.${process.pid}.sock`)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.setTimeout(DEADLINE_MS, () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    let held = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      held += chunk
      const end = held.indexOf('\n')
      if (end >= 0) socket.end(`${JSON.stringify(answerTo(held.slice(0, end), controls))}\n`)
      else if (held.length > QUESTION_MAX_OCTETS) socket.destroy()
    })
  })
  server.maxConnections = 8
  server.listen(file)
  await once(server, 'listening')
  server.on('error', () => {})
  chmodSync(file, 0o600)
  server.unref()
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function answerTo(line: string, controls: Controls): { answer: Plain } | { failed: string } {
  try {
    const { ask, ...given } = JSON.parse(line) as { readonly ask: string } & Record<string, Plain>
    if (!Object.hasOwn(controls, ask)) return { failed: 'not a question for this role' }
    return { answer: (controls[ask] as Controls[string])(given) }
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) }
  }
}

/** Asks every running role of a data folder; none where none is running. Never rejects for a role's sake. */
export async function askRoles(
  directory: string,
  ask: string,
  given: Readonly<Record<string, Plain>> = {},
): Promise<readonly ControlAnswer[]> {
  const running = socketsIn(directory).filter(({ pid }) => isAlive(pid))
  return await Promise.all(
    running.map(async ({ file, role, pid }): Promise<ControlAnswer> => {
      try {
        return { role, pid, ...(await askOne(file, { ...given, ask })) }
      } catch (error) {
        return { role, pid, failed: error instanceof Error ? error.message : String(error) }
      }
    }),
  )
}

async function askOne(file: string, question: Plain): Promise<{ answer: Plain } | { failed: string }> {
  const socket = connect(file)
  const late = setTimeout(() => socket.destroy(new Error('no answer in time')), DEADLINE_MS)
  try {
    socket.write(`${JSON.stringify(question)}\n`)
    let said = ''
    for await (const chunk of socket.setEncoding('utf8')) {
      said += chunk
      if (said.length > ANSWER_MAX_OCTETS) throw new Error('the answer is too long')
    }
    return JSON.parse(said) as { answer: Plain } | { failed: string }
  } finally {
    clearTimeout(late)
    socket.destroy()
  }
}

function socketsIn(
  directory: string,
): readonly { readonly file: string; readonly role: string; readonly pid: number }[] {
  let names: readonly string[]
  try {
    names = readdirSync(directory)
  } catch {
    return []
  }
  return names.flatMap((name) => {
    const [, role, pid] = SOCKET_NAME.exec(name) ?? []
    return role === undefined ? [] : [{ file: join(directory, name), role, pid: Number(pid) }]
  })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
