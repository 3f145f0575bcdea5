import { createTransport } from 'nodemailer'
import { readArguments } from '../arguments.ts'
import { CommandError, EXIT, usage } from '../exit.ts'
import { readInstance } from '../instance.ts'
import { readAddress } from '../people.ts'
import { commandConfig } from '../settings.ts'
import { say, sayJson } from '../terminal.ts'

/** `restante send-test ADDRESS`: sends a test message by SMTP to the running instance (or `--smtp HOST:PORT`). */
export async function run(line: readonly string[]): Promise<number> {
  const given = readArguments(line, {
    data: 'text',
    config: 'text',
    smtp: 'text',
    from: 'text',
    json: 'flag',
  })
  const [to, ...more] = given.rest
  if (to === undefined || more.length > 0)
    throw usage('Usage: restante send-test ADDRESS [--from ADDRESS] [--smtp HOST:PORT]')
  const address = readAddress(to)
  const { host, port } = target(given.text('smtp'), commandConfig(given).store.directory)
  const transport = createTransport({
    host,
    port,
    name: 'send-test.localhost',
    // Our own instance: its first certificate is self-signed.
    tls: { rejectUnauthorized: false },
    connectionTimeout: 10_000,
    greetingTimeout: 10_000,
    socketTimeout: 30_000,
  })
  const sent = new Date()
  try {
    const info = await transport.sendMail({
      from: `"Restante" <${given.text('from') ?? 'send-test@localhost.example'}>`,
      to: address,
      date: sent,
      subject: `Restante test, ${sent.toISOString().slice(0, 19).replace('T', ' ')} UTC`,
      text: [
        'It works: this message came in by SMTP, was judged, and waits in your maildrop.',
        '',
        'Русский: письмо принято, проверено и ждёт вас.',
        'Français : le message est arrivé, a été jugé et vous attend.',
        'Deutsch: Die Nachricht ist angekommen, geprüft und liegt bereit.',
      ].join('\n'),
      html: '<p>It works: this message came in by SMTP, was judged, and waits in your maildrop.</p>',
    })
    if (given.flag('json'))
      sayJson({ accepted: info.accepted, messageId: info.messageId, reply: info.response })
    else say(`Sent to ${address}. The server answered: ${info.response}`)
    return EXIT.ok
  } catch (error) {
    const failure = error as { code?: string; response?: string; message: string }
    if (failure.response)
      throw new CommandError(EXIT.finding, `The server refused: ${failure.response}`, { cause: error })
    throw new CommandError(EXIT.unreachable, `${host}:${port} cannot be reached: ${failure.message}`, {
      cause: error,
    })
  } finally {
    transport.close()
  }
}

function target(
  written: string | undefined,
  directory: string,
): { readonly host: string; readonly port: number } {
  if (written !== undefined) {
    const found = /^(.+):(\d+)$/.exec(written)
    if (!found) throw usage('--smtp takes HOST:PORT.')
    return { host: (found[1] as string).replace(/^\[|\]$/g, ''), port: Number(found[2]) }
  }
  const instance = readInstance(directory)
  const port = instance?.ports['smtp']
  if (!instance || port === undefined) {
    throw new CommandError(
      EXIT.unreachable,
      `Nothing is running on ${directory}. Start it with: restante serve`,
    )
  }
  return { host: instance.host, port }
}
