// The real worker, and a second listener that misbehaves when a message tells it to.
import { parentPort } from 'node:worker_threads'
import '../src/judge-worker.ts'
import type { ToJudge } from '../src/judge-pool.ts'

parentPort?.on('message', (message: ToJudge) => {
  if (message.type !== 'judge') return
  const text = Buffer.from(message.octets).toString('latin1')
  if (text.includes('SPIN')) for (;;);
  if (text.includes('EXIT')) process.exit(7)
  if (text.includes('THROW')) throw new Error('unruly')
})
