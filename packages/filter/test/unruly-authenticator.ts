import { parentPort } from 'node:worker_threads'
import type { FromAuthenticator, ToAuthenticator } from '../src/authentication-pool.ts'

/** Does what the client's address says: `die`, `spin`, `wait`; anything else is neutral. */
parentPort?.on('message', (message: ToAuthenticator) => {
  if (message.type !== 'mail' && message.type !== 'spf') return
  const { clientIp } = message.question
  if (clientIp === 'die') setTimeout(() => process.exit(3), 20)
  else if (clientIp === 'spin') for (;;);
  else if (clientIp !== 'wait') {
    const result = { result: 'neutral', identity: 'mailfrom', domain: '', lookups: 0, reason: null } as const
    parentPort?.postMessage({ type: 'done', id: message.id, result } satisfies FromAuthenticator)
  }
})
