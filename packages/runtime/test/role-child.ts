// A role for the tests of runRole; its host name says how it behaves.
import { runRole } from '../src/index.ts'

runRole(async ({ hostname }, { signal }) => {
  if (hostname === 'fails') throw Object.assign(new Error('cannot'), { code: 'EADDRINUSE' })
  if (hostname === 'throws-later') setTimeout(() => Promise.reject(new Error('later')), 10)
  if (hostname === 'crashes')
    setTimeout(() => {
      throw new Error('bug')
    }, 10)
  return {
    ports: { smtp: 25 },
    reload: async (changed) => {
      if (changed.hostname === 'bad') throw new Error('bad settings')
      return ['hostname']
    },
    async stop() {
      if (!signal.aborted) throw new Error('the signal comes first')
      if (hostname === 'stops-badly') throw new Error('stuck')
    },
  }
})
