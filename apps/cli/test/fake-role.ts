// A role for the supervisor's tests: answers its process id, and crashes or hangs when told to.
import { once } from 'node:events'
import { createServer } from 'node:net'
import { runRole } from '@restante/runtime'

runRole(async (config) => {
  if (config.hostname === 'broken')
    throw Object.assign(new Error('127.0.0.1:25 listen.smtp.port'), { code: 'EADDRINUSE' })
  let { hostname } = config
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (data) => {
      const said = String(data).trim()
      if (said === 'crash') process.exit(9)
      if (said === 'hang') for (;;);
      socket.end(`${process.pid} ${hostname}`)
    })
  })
  server.listen(config.listen.smtp?.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  return {
    ports: { smtp: (server.address() as { port: number }).port },
    async reload(changed) {
      ;({ hostname } = changed)
      return ['hostname']
    },
    async stop() {
      server.close()
    },
  }
})
