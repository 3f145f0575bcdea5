import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { runLoad } from '../src/generator.ts'
import { runPop3Load } from '../src/load/pop3-load.ts'
import { runSmtpLoad } from '../src/load/smtp-load.ts'
import { countDotLines, mailData, makeMail } from '../src/sample-mail.ts'

const servers: { server: Server; sockets: Set<Socket> }[] = []

afterEach(async () => {
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
})

/** A server that greets, and answers each line; null hangs up. */
async function serve(
  greeting: string,
  open: () => (line: string) => string | null,
): Promise<{ readonly port: number; readonly lines: string[] }> {
  const lines: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.write(greeting)
    const answer = open()
    let text = ''
    socket.on('data', (octets) => {
      text += octets.toString('latin1')
      for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end)
        text = text.slice(end + 2)
        lines.push(line)
        const reply = answer(line)
        if (reply === null) return void socket.destroy()
        socket.write(reply, 'latin1')
      }
    })
  })
  servers.push({ server, sockets })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: (server.address() as { port: number }).port, lines }
}

const mail = makeMail({ sizeOctets: 20_000, seed: 7, dots: true })
const wire = mailData(mail).toString('latin1')

/** A maildrop of three such mails; `change` spoils replies. */
function pop3Server(change: (line: string, reply: string) => string | null = (_, reply) => reply) {
  const listing = [1, 2, 3].map((number) => `${number} ${mail.length}\r\n`).join('')
  return serve('+OK\r\n', () => (line) => {
    const [verb] = line.split(' ')
    const replies: Record<string, string> = {
      STAT: `+OK 3 ${3 * mail.length}\r\n`,
      LIST: `+OK\r\n${listing}.\r\n`,
      UIDL: '+OK\r\n1 a\r\n2 b\r\n3 c\r\n.\r\n',
      RETR: `+OK\r\n${wire}`,
      TOP: '+OK\r\nSubject: x\r\n\r\n.\r\n',
    }
    return change(line, replies[verb as string] ?? '+OK\r\n')
  })
}

const held = async (): Promise<void> => {}
const bounds = { maxMs: 10_000, password: 'secret' }

describe('a POP3 load', () => {
  test('polls each account in its turn, and counts sessions', async () => {
    const { port, lines } = await pop3Server()
    const logins = ['a', 'b', 'c', 'd']
    const result = await runPop3Load(
      { kind: 'pop3-poll', port, ...bounds, atOnce: 2, sessions: 8, logins, uidl: true },
      held,
    )
    expect(result).toMatchObject({ operations: 8, errorCount: 0 })
    for (const login of logins) expect(lines.filter((line) => line === `USER ${login}`)).toHaveLength(2)
    expect(lines.filter((line) => line === 'QUIT')).toHaveLength(8)
  })

  test.each([1, 2, 20])('drains with %d RETRs under way, dot lines and all', async (window) => {
    const { port, lines } = await pop3Server()
    const result = await runPop3Load(
      {
        kind: 'pop3-drain',
        port,
        ...bounds,
        login: 'a',
        repeats: 2,
        window,
        dotLines: countDotLines(mail),
      },
      held,
    )
    expect(result).toMatchObject({ operations: 2, errorCount: 0, octets: 6 * mail.length })
    expect(lines.filter((line) => line.startsWith('RETR'))).toHaveLength(6)
  })

  test('asks for a header again and again in one session', async () => {
    const { port, lines } = await pop3Server()
    const result = await runPop3Load({ kind: 'pop3-top', port, ...bounds, login: 'a', repeats: 5 }, held)
    expect(result).toMatchObject({ operations: 5, errorCount: 0 })
    expect(lines.filter((line) => line.startsWith('USER'))).toHaveLength(1)
  })

  test('holds idle sessions until told to go on', async () => {
    const { port, lines } = await pop3Server()
    let quits = -1
    const result = await runPop3Load(
      { kind: 'pop3-idle', port, ...bounds, tls: false, logins: ['a', 'b', 'c'] },
      async () => {
        quits = lines.filter((line) => line === 'QUIT').length
      },
    )
    expect(quits).toBe(0)
    expect(result).toMatchObject({ operations: 3, errorCount: 0 })
    expect(lines.filter((line) => line === 'QUIT')).toHaveLength(3)
  })

  test.each([
    ['a refused login', (line: string, reply: string) => (line.startsWith('PASS') ? '-ERR no\r\n' : reply)],
    ['a connection cut short', (line: string, reply: string) => (line === 'RETR 2' ? null : reply)],
    [
      'a message that lost an octet',
      (line: string, reply: string) => (line === 'RETR 3' ? `+OK\r\n${wire.slice(1)}` : reply),
    ],
    [
      'a listing that lost a message',
      (line: string, reply: string) => (line === 'LIST' ? '+OK\r\n1 2\r\n.\r\n' : reply),
    ],
  ])('counts %s as a failure', async (_, change) => {
    const { port } = await pop3Server(change)
    const job = { port, ...bounds, login: 'a', repeats: 1, window: 2, dotLines: countDotLines(mail) }
    // The octet that is missing would be waited for: the end of the time cuts the session off.
    const result = runPop3Load({ kind: 'pop3-drain', ...job }, held)
    const cut = setTimeout(() => {
      for (const { sockets } of servers) for (const socket of sockets) socket.destroy()
    }, 500)
    expect(await result).toMatchObject({ operations: 0, errorCount: 1 })
    clearTimeout(cut)
  })
})

function smtpServer(taken: string[], refuse: string | null = null) {
  return serve('220 ready\r\n', () => {
    let data: string[] | null = null
    return (line) => {
      if (data !== null) {
        if (line !== '.') {
          data.push(line)
          return ''
        }
        taken.push(`${data.map((each) => each.replace(/^\./, '')).join('\r\n')}\r\n`)
        data = null
        return '250 2.0.0 stored\r\n'
      }
      if (refuse !== null && line.startsWith(refuse)) return '550 5.0.0 no\r\n'
      if (line === 'DATA') {
        data = []
        return '354 go on\r\n'
      }
      if (line.startsWith('EHLO')) return '250-here\r\n250-PIPELINING\r\n250 SIZE 1000\r\n'
      return line === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n'
    }
  })
}

const smtpJob = {
  kind: 'smtp',
  maxMs: 10_000,
  atOnce: 2,
  mailsPerSession: 3,
  mails: 7,
  recipients: ['a@bench.test', 'b@bench.test'],
  sizeOctets: 2000,
  shape: 'plain',
} as const

describe('an SMTP load', () => {
  test('hands in so many mails, whole, so many a session', async () => {
    const taken: string[] = []
    const { port, lines } = await smtpServer(taken)
    const result = await runSmtpLoad({ ...smtpJob, port })
    expect(result).toMatchObject({ operations: 7, errorCount: 0, octets: 14_000 })
    expect(taken).toHaveLength(7)
    for (const mail of taken) expect(mail).toHaveLength(2000)
    expect(lines.filter((line) => line.startsWith('EHLO'))).toHaveLength(3)
    expect(lines.filter((line) => line === 'RCPT TO:<b@bench.test>')).toHaveLength(3)
  })

  test.each(['EHLO', 'RCPT', 'DATA'])('counts a refused %s as a failure', async (verb) => {
    const taken: string[] = []
    const { port } = await smtpServer(taken, verb)
    const result = await runSmtpLoad({ ...smtpJob, port, mails: 3, atOnce: 1 })
    expect(result).toMatchObject({ operations: 0, errorCount: 1, errors: ['550 5.0.0 no'] })
    expect(taken).toHaveLength(0)
  })
})

test('a load runs in a process of its own and tells what it did', async () => {
  const { port } = await pop3Server()
  let stood = false
  const result = await runLoad(
    { kind: 'pop3-idle', port, ...bounds, tls: false, logins: ['a', 'b'] },
    {
      onHeld: async () => {
        stood = true
      },
    },
  )
  expect(stood).toBe(true)
  expect(result).toMatchObject({ operations: 2, errorCount: 0 })
})
