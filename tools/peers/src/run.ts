import { spawn } from 'node:child_process'
import { PeerMissingError, PeerOutputError, PeerTimeoutError } from './error.ts'
import { findPeer } from './find.ts'

/** How to run a peer. */
export interface RunOptions {
  /** Octets for its standard input, which then ends; without it, standard input is empty. */
  readonly input?: string | Uint8Array
  /** Added to a small environment: PATH, HOME, TMPDIR, and LC_ALL=C.UTF-8. Give HOME to programs that read settings there. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** After this the peer and its children are killed. Default 30,000. */
  readonly timeoutMs?: number
}

/** What a peer did. */
export interface PeerResult {
  /** Null where a signal ended it. */
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  /** To the letter. */
  readonly stdout: Uint8Array
  /** `stdout` as UTF-8. */
  readonly text: string
  /** Standard error as UTF-8. */
  readonly errorText: string
}

const OUTPUT_LIMIT_OCTETS = 64 * 1024 * 1024
const DEFAULT_TIMEOUT_MS = 30_000

function smallEnvironment(): Record<string, string> {
  const { PATH, HOME, TMPDIR } = process.env
  const kept = Object.entries({ PATH, HOME, TMPDIR }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return { ...Object.fromEntries(kept), LC_ALL: 'C.UTF-8' }
}

/**
 * Runs a program of `debian-packages.txt` to its end and gives back what it said, whatever its exit code: that is the
 * test's to judge. It runs without a shell, in a process group of its own.
 * Throws PeerMissingError, PeerTimeoutError, or PeerOutputError (over 64 MiB printed).
 */
export async function runPeer(
  name: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<PeerResult> {
  const peer = findPeer(name)
  if (peer.missing) throw new PeerMissingError(`there is no ${name} to run${peer.note}`)
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
  const child = spawn(peer.path, args, {
    cwd: options.cwd,
    env: { ...smallEnvironment(), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  const said = { stdout: [] as Buffer[], stderr: [] as Buffer[], octets: 0 }
  let failure: PeerTimeoutError | PeerOutputError | undefined
  const killGroup = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // Already gone.
    }
  }
  const end = (): string =>
    Buffer.concat([...said.stdout, ...said.stderr])
      .subarray(-2000)
      .toString()
  const timer = setTimeout(() => {
    failure ??= new PeerTimeoutError(`${name} did not end within ${timeoutMs} ms; it said:\n${end()}`)
    killGroup()
  }, timeoutMs)
  const keep = (chunks: Buffer[]) => (chunk: Buffer) => {
    said.octets += chunk.length
    if (said.octets <= OUTPUT_LIMIT_OCTETS) {
      chunks.push(chunk)
      return
    }
    failure ??= new PeerOutputError(`${name} printed more than ${OUTPUT_LIMIT_OCTETS} octets`)
    killGroup()
  }
  child.stdout.on('data', keep(said.stdout))
  child.stderr.on('data', keep(said.stderr))
  // A peer may end without reading all of its input.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  try {
    const [exitCode, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(
      (resolve, reject) => {
        child.on('error', reject)
        child.on('close', (...how) => resolve(how))
      },
    )
    if (failure !== undefined) throw failure
    const stdout = Buffer.concat(said.stdout)
    return {
      exitCode,
      signal,
      stdout,
      text: stdout.toString(),
      errorText: Buffer.concat(said.stderr).toString(),
    }
  } finally {
    clearTimeout(timer)
    killGroup()
  }
}
