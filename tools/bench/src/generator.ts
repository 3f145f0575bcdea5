import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { LoadJob, LoadResult } from './load/jobs.ts'
import type { FromLoad, ToLoad } from './load/main.ts'

/** A load that did not come to its end. */
export class LoadError extends Error {
  readonly code = 'load'
}

/** Beyond its own bounds a load gets this long to finish what it began. */
const GRACE_MS = 120_000

const entry = fileURLToPath(new URL('./load/main.ts', import.meta.url))

/**
 * Runs a load in a process of its own.
 * @param onHeld called while idle sessions stand; they end when its promise does
 * @throws {LoadError} where the process died, or took longer than its job allows
 */
export async function runLoad(
  job: LoadJob,
  options: { readonly onHeld?: () => Promise<void>; readonly signal?: AbortSignal } = {},
): Promise<LoadResult> {
  const child = fork(entry, [], {
    execArgv: [],
    // Plain files are written by the pool: as many threads as writers that can wait for the disk at once.
    env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const kill = (): void => void child.kill('SIGKILL')
  const deadline = setTimeout(kill, job.maxMs * 5 + GRACE_MS)
  options.signal?.addEventListener('abort', kill)
  try {
    return await new Promise<LoadResult>((resolve, reject) => {
      child.on('error', reject)
      child.on('exit', (code, signal) => reject(new LoadError(`the load ended with ${signal ?? code}`)))
      child.on('message', (message: FromLoad) => {
        if ('result' in message) resolve(message.result)
        else if ('broken' in message) reject(new LoadError(message.broken))
        else
          (options.onHeld?.() ?? Promise.resolve()).then(
            () => child.send({ goOn: true } satisfies ToLoad),
            reject,
          )
      })
      child.send({ job } satisfies ToLoad)
    })
  } finally {
    clearTimeout(deadline)
    options.signal?.removeEventListener('abort', kill)
    child.removeAllListeners('exit')
    kill()
  }
}
