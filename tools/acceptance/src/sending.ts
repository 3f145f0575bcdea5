import SMTPConnection from 'nodemailer/lib/smtp-connection'

/** One message on its way: envelope and octets as they are (LF or CRLF). */
export interface Outgoing {
  readonly from: string
  readonly to: readonly string[]
  readonly octets: Uint8Array
}

/** What became of it: the server's reply, or the connection broke first. */
export type SendResult =
  | { readonly reply: string }
  | { readonly refused: string; readonly code: number }
  | { readonly broken: string }

/** Sends messages over `connections` parallel SMTP connections with STARTTLS, each reused; results in input order. */
export async function sendAll(
  port: number,
  messages: readonly Outgoing[],
  connections: number,
  onResult: (index: number, result: SendResult) => void = () => {},
): Promise<readonly SendResult[]> {
  const results = new Array<SendResult>(messages.length)
  let next = 0
  const work = async (): Promise<void> => {
    const connection = await connect(port)
    if (connection === null) return
    for (;;) {
      const index = next++
      const message = messages[index]
      if (message === undefined) break
      const result = await sendOne(connection, message)
      results[index] = result
      onResult(index, result)
      if ('broken' in result) break
    }
    connection.quit()
  }
  await Promise.all(Array.from({ length: connections }, work))
  return results
}

type Connection = InstanceType<typeof SMTPConnection>

async function connect(port: number): Promise<Connection | null> {
  const connection = new SMTPConnection({
    host: '127.0.0.1',
    port,
    name: 'sender.example',
    tls: { rejectUnauthorized: false },
    socketTimeout: 60_000,
  })
  const { promise, resolve } = Promise.withResolvers<Connection | null>()
  connection.on('error', () => resolve(null))
  connection.connect(() => resolve(connection))
  return promise
}

function sendOne(connection: Connection, message: Outgoing): Promise<SendResult> {
  const { promise, resolve } = Promise.withResolvers<SendResult>()
  const onError = (error: Error): void => finish({ broken: error.message })
  const onEnd = (): void => finish({ broken: 'connection closed' })
  const finish = (result: SendResult): void => {
    connection.off('error', onError)
    connection.off('end', onEnd)
    // The connection may still fail later, with nobody waiting for it.
    connection.once('error', () => {})
    resolve(result)
  }
  connection.removeAllListeners('error')
  connection.once('error', onError)
  connection.once('end', onEnd)
  connection.send({ from: message.from, to: [...message.to] }, Buffer.from(message.octets), (error, info) => {
    if (!error) finish({ reply: info?.response ?? '' })
    else if (error.responseCode) finish({ refused: error.response ?? '', code: error.responseCode })
    else finish({ broken: error.message })
  })
  return promise
}
