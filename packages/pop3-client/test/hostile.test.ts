import type { Socket } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ConnectOptions, connectPop3, type Pop3Client } from '../src/index.ts'
import { type Line, scriptServer } from './script-server.ts'
import { rejection, textOf } from './start.ts'

/** For tests that wait for a time to pass; long enough for honest replies on a busy machine. */
const QUICK = { connectMs: 500, replyMs: 500, silenceMs: 500, stalledMs: 500 }

/** A client logged in at a server that answers honestly but for what `say` has. */
async function at(say: (command: string) => Line, more: Partial<ConnectOptions> = {}): Promise<Pop3Client> {
  const script = await scriptServer(say)
  return connectPop3({ ...script.options, ...more })
}

const forever =
  (octets: string, first = '') =>
  (socket: Socket) => {
    socket.write(first)
    const chunk = Buffer.from(octets.repeat(Math.ceil(65_536 / octets.length)))
    const pour = () => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.on('drain', pour)
    pour()
  }
const drip = (octet: string) => (socket: Socket) => {
  const timer = setInterval(() => (socket.destroyed ? clearInterval(timer) : socket.write(octet)), 20)
}

describe('before the login', () => {
  test.each<[string, Line, string]>([
    ['says nothing', () => {}, 'timeout'],
    ['says nothing whole', '+OK he', 'timeout'],
    ['drips', drip('x'), 'timeout'],
    ['hangs up', (socket) => void socket.end(), 'closed'],
    ['resets', (socket) => void socket.resetAndDestroy(), 'closed'],
    ['pours without end', forever('x'), 'protocol'],
    ['speaks SMTP', '220 mx.example ESMTP\r\n', 'protocol'],
    ['speaks octets', Uint8Array.of(0, 255, 13, 10), 'protocol'],
    ['asks back', '+ what\r\n', 'protocol'],
    ['is full', '-ERR [SYS/TEMP] come back later\r\n', 'sys-temp'],
    ['is rude', '-ERR no\r\n', 'sys-temp'],
  ])('a server that %s', async (_, greeting, code) => {
    const connecting = at((command) => (command === 'greeting' ? greeting : null), { timeouts: QUICK })
    expect(await rejection(connecting)).toMatchObject({ code })
  })

  test.each<[string, Record<string, Line>, Partial<ConnectOptions>, string]>([
    ['CAPA without end', { CAPA: forever('X\r\n', '+OK\r\n') }, {}, 'too-large'],
    ['CAPA with endless lines', { CAPA: forever('X', '+OK\r\n') }, {}, 'protocol'],
    ['no CAPA, and a login', { CAPA: '-ERR what\r\n' }, {}, 'in'],
    ['an answer before the question', { CAPA: '+OK\r\n.\r\n+OK\r\n+OK\r\n' }, {}, 'protocol'],
    ['nothing we can use', { CAPA: '+OK\r\nSASL GSSAPI\r\n.\r\n' }, {}, 'unsupported'],
    ['a challenge where none belongs', { USER: '+ \r\n' }, {}, 'protocol'],
    ['an old lock', { PASS: '-ERR maildrop already locked\r\n' }, {}, 'in-use'],
    ['an old refusal', { PASS: '-ERR no\r\n' }, {}, 'auth'],
    ['an unknown SYS', { PASS: '-ERR [SYS/ODD] no\r\n' }, {}, 'sys-temp'],
    [
      '+OK in place of a proof',
      { 'AUTH SCRAM-SHA-256': '+OK you are in\r\n' },
      { mechanism: 'SCRAM-SHA-256' },
      'protocol',
    ],
    ['a challenge that is no base64', { AUTH: '+ !!!\r\n' }, { mechanism: 'PLAIN' }, 'protocol'],
    ['a second question after PLAIN', { AUTH: '+ \r\n' }, { mechanism: 'PLAIN' }, 'auth'],
    ['an endless challenge', { AUTH: forever('AAAA', '+ ') }, { mechanism: 'PLAIN' }, 'protocol'],
    ['octets after STLS', { STLS: '+OK go\r\n+OK injected\r\n' }, { tls: 'stls' }, 'protocol'],
  ])('%s', async (_, lines, options, code) => {
    const say = (command: string): Line => {
      const key = Object.keys(lines).find((each) => command.startsWith(each))
      return key === undefined ? null : (lines[key] as Line)
    }
    const connecting = at(say, options)
    if (code === 'in') expect((await connecting).capabilities.tags.size).toBe(0)
    else expect(await rejection(connecting)).toMatchObject({ name: 'Pop3Error', code })
  })

  test.each(['an\nna', 'an\rna', 'an\0na'])('a name such as %j is not sent', async (name) => {
    const script = await scriptServer(() => null)
    const login = { name, password: 'secret' }
    expect(await rejection(connectPop3({ ...script.options, login }))).toMatchObject({ code: 'unsupported' })
    expect(script.heard).toEqual(['CAPA'])
  })
})

describe('after the login', () => {
  test.each<[string, string, Line, (client: Pop3Client) => Promise<unknown>, string]>([
    ['STAT without numbers', 'STAT', '+OK many\r\n', (client) => client.stat(), 'protocol'],
    ['STAT never answered', 'STAT', () => {}, (client) => client.stat(), 'timeout'],
    ['STAT in drips', 'STAT', drip('+'), (client) => client.stat(), 'timeout'],
    ['LIST without end', 'LIST', forever('1 1\r\n', '+OK\r\n'), (client) => client.list(), 'protocol'],
    ['LIST of letters', 'LIST', '+OK\r\none 1\r\n.\r\n', (client) => client.list(), 'protocol'],
    ['LIST that goes back', 'LIST', '+OK\r\n2 1\r\n1 1\r\n.\r\n', (client) => client.list(), 'protocol'],
    [
      'LIST that names one twice',
      'LIST',
      '+OK\r\n1 1\r\n1 2\r\n.\r\n',
      (client) => client.list(),
      'protocol',
    ],
    ['UIDL with octets', 'UIDL', '+OK\r\n1 a\0b\r\n.\r\n', (client) => client.uidl(), 'protocol'],
    ['UIDL that stops', 'UIDL', '+OK\r\n1 a\r\n', (client) => client.uidl(), 'timeout'],
    ['UIDL in drips', 'UIDL', drip('x'), (client) => client.uidl(), 'timeout'],
    [
      'RETR without end',
      'RETR',
      forever('x\r\n', '+OK\r\n'),
      (client) => client.retrWhole(1, { maxOctets: 1e6 }),
      'too-large',
    ],
    ['RETR that stops', 'RETR', '+OK\r\nSubject: x\r\n', (client) => textOf(client.retr(1)), 'timeout'],
    [
      'RETR that breaks off',
      'RETR',
      (socket) => void socket.end('+OK\r\nSubject: x\r\n'),
      (client) => textOf(client.retr(1)),
      'closed',
    ],
    [
      'RETR that only seems over',
      'RETR',
      (socket) => void socket.end('+OK\r\nx\n.\n'),
      (client) => textOf(client.retr(1)),
      'closed',
    ],
    ['QUIT never answered', 'QUIT', () => {}, (client) => client.quit(), 'timeout'],
    [
      'QUIT answered by hanging up',
      'QUIT',
      (socket) => void socket.end(),
      (client) => client.quit(),
      'closed',
    ],
  ])('%s', async (_, verb, line, call, code) => {
    let over = false
    const client = await at(
      (command) => {
        if (over) return () => {}
        over = command.startsWith(verb)
        return over ? line : null
      },
      code === 'timeout' ? { timeouts: QUICK } : {},
    )
    const next = call(client)
    const behind = client.noop()
    behind.catch(() => {})
    expect(await rejection(next)).toMatchObject({ name: 'Pop3Error', code })
    await rejection(behind)
    expect(client.closed).toBe(true)
  })

  test('a listing may have as many lines as allowed, and not one more', async () => {
    const lines = Array.from({ length: 101 }, (_, i) => `${i + 1} 1\r\n`)
    const listing = (count: number) => `+OK\r\n${lines.slice(0, count).join('')}.\r\n`
    const limits = { messages: 100 }
    const fits = await at((command) => (command === 'LIST' ? listing(100) : null), { limits })
    expect((await fits.list()).length).toBe(100)
    const more = await at((command) => (command === 'LIST' ? listing(101) : null), { limits })
    expect(await rejection(more.list())).toMatchObject({ code: 'too-large' })
  })

  test('a message that ends in the middle of a larger promise still ends', async () => {
    const client = await at((command) =>
      command.startsWith('RETR') ? '+OK 999999 octets\r\na\r\n.\r\n' : null,
    )
    expect(await textOf(client.retr(1))).toBe('a\r\n')
    await client.noop()
  })

  test('a dot that was not stuffed breaks the session, not the next message', async () => {
    const client = await at((command) =>
      command.startsWith('RETR') ? '+OK\r\nSubject: x\r\n\r\n.\r\n+OK 1 octet\r\n.\r\n' : null,
    )
    expect(await textOf(client.retr(1))).toBe('Subject: x\r\n\r\n')
    expect(await rejection(client.stat())).toMatchObject({ code: 'protocol' })
  })

  test('a message nobody reads ends the session', async () => {
    const client = await at(
      (command) => (command.startsWith('RETR') ? `+OK\r\n${'x\r\n'.repeat(10)}.\r\n` : null),
      { timeouts: QUICK },
    )
    const reading = client.retr(1)
    await reading.next()
    const behind = await rejection(client.noop())
    expect(behind).toMatchObject({ code: 'timeout' })
  })

  test('words at parting tell why', async () => {
    let socketOf: Socket | null = null
    const client = await at((command) => {
      if (command !== 'NOOP') return null
      return (socket) => {
        socketOf = socket
        socket.write('+OK\r\n')
      }
    })
    await client.noop()
    const socket = socketOf as Socket | null
    socket?.end('-ERR [SYS/TEMP] going down\r\n')
    await expect.poll(() => client.closed).toBe(true)
    expect(await rejection(client.stat())).toMatchObject({ code: 'sys-temp', reply: 'going down' })
  })

  test('what a server says cannot steer the terminal', async () => {
    const client = await at((command) => (command === 'STAT' ? '-ERR \x1b[2Jboo\x07\r\n' : null))
    const { message } = (await rejection(client.stat())) as Error
    expect(message).toContain('boo')
    expect(message).not.toMatch(/\p{Cc}/u)
  })

  test('what was answered before the end is not lost', async () => {
    const client = await at((command) =>
      command === 'STAT'
        ? (socket) => void socket.end('+OK 1 5\r\n+OK 2 6\r\n')
        : command === 'NOOP'
          ? () => {}
          : null,
    )
    const calls = [client.stat(), client.stat(), client.noop()]
    calls.at(-1)?.catch(() => {})
    expect(await calls[0]).toEqual({ count: 1, sizeOctets: 5 })
    expect(await calls[1]).toEqual({ count: 2, sizeOctets: 6 })
    expect(await rejection(calls[2] as Promise<unknown>)).toMatchObject({ code: 'closed' })
  })

  test('a server without PIPELINING gets one command at a time', async () => {
    let open = 0
    let most = 0
    const client = await at((command) => {
      if (command === 'CAPA') return '+OK\r\nUSER\r\n.\r\n'
      if (command !== 'NOOP') return null
      most = Math.max(most, ++open)
      return (socket) =>
        void setTimeout(() => {
          open--
          socket.write('+OK\r\n')
        }, 2)
    })
    await Promise.all(Array.from({ length: 20 }, () => client.noop()))
    expect(most).toBe(1)
  })

  test('a server with it gets no more than the window', async () => {
    const waiting: Socket[] = []
    let most = 0
    const client = await at(
      (command) =>
        command !== 'NOOP'
          ? null
          : (socket) => {
              waiting.push(socket)
              most = Math.max(most, waiting.length)
              setTimeout(() => waiting.shift()?.write('+OK\r\n'), 5)
            },
      { window: 4 },
    )
    await Promise.all(Array.from({ length: 40 }, () => client.noop()))
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(4)
  })
})

test('whatever a server says, every call ends, with its answer or a Pop3Error', async () => {
  const piece = fc.constantFrom(
    '+OK',
    '-ERR',
    '-ERR [SYS/TEMP] x',
    '+ ',
    '.',
    '..',
    '1 2',
    '1 a',
    '2 2',
    '\r\n',
    '\r\n',
    '\r\n.\r\n',
    '\n',
    '\r',
    '\0',
    '\xff',
    ' ',
  )
  const said = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''))
  await fc.assert(
    fc.asyncProperty(said, said, async (first, last) => {
      let answered = 0
      const client = await at((command) => {
        if (!/^(STAT|LIST|UIDL|RETR|NOOP)/.test(command)) return null
        answered++
        if (answered === 1) return first
        return (socket) => void socket.end(Buffer.from(last, 'latin1'))
      })
      const done = await Promise.allSettled([
        client.stat(),
        client.retrWhole(1),
        client.list(),
        client.uidl(1),
        client.noop(),
        client.quit(),
      ])
      for (const result of done)
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ name: 'Pop3Error' })
      expect(client.closed).toBe(true)
    }),
    { numRuns: 150 },
  )
})
