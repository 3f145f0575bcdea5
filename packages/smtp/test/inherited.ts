/** A child process that serves on the listening socket its parent opened, number 3. */
import { REPLIES } from '@restante/mail'
import { createSmtpServer } from '../src/index.ts'

const server = createSmtpServer({
  mode: 'smtp',
  hostname: 'mx.test',
  policy: { rcpt: () => null },
  data: async () => REPLIES.accepted,
})
process.on('SIGTERM', () => server.close({ drainMs: 100 }))
const { port } = await server.listen({ fd: 3 })
process.stdout.write(`${port}\n`)
