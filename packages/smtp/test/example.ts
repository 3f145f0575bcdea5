import { fillReply, REPLIES } from '@restante/mail'
import { createSmtpServer } from '@restante/smtp'

const server = createSmtpServer({
  mode: 'smtp',
  hostname: 'mx.example.org',
  policy: {
    rcpt: ({ recipient }) => (recipient.localPart === 'anna' ? null : REPLIES['unknown-recipient']),
  },
  async data(envelope, body, { transaction }) {
    let octets = 0
    for await (const chunk of body) octets += chunk.length
    console.log(`${octets} octets for ${envelope.recipients.length}`)
    return fillReply(REPLIES.accepted, { id: transaction })
  },
})

const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
console.log(`listening on ${port}`)
process.on('SIGTERM', () => server.close({ drainMs: 5_000 }))
