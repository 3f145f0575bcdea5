import type { LoadJob, LoadResult } from './jobs.ts'

/** What a load's process says to the one that started it. */
export type FromLoad = { readonly held: true } | { readonly result: LoadResult } | { readonly broken: string }
/** What it is told: its job, and later that idle sessions may end. */
export type ToLoad = { readonly job: LoadJob } | { readonly goOn: true }

const say = (message: FromLoad): void => void process.send?.(message)

async function run(job: LoadJob, held: () => Promise<void>): Promise<LoadResult> {
  switch (job.kind) {
    case 'smtp':
      return (await import('./smtp-load.ts')).runSmtpLoad(job)
    case 'deliver':
    case 'retrieve':
    case 'disk':
      return (await import('./store-load.ts')).runStoreLoad(job)
    default:
      return (await import('./pop3-load.ts')).runPop3Load(job, held)
  }
}

const { promise: released, resolve: release } = Promise.withResolvers<void>()
process.on('message', (message: ToLoad) => {
  if ('goOn' in message) return release()
  const held = (): Promise<void> => {
    say({ held: true })
    return released
  }
  run(message.job, held).then(
    (result) => say({ result }),
    (error: Error) => say({ broken: error.stack ?? error.message }),
  )
})
// Whoever started it is gone: so is this.
process.on('disconnect', () => process.exit(1))
