import { latin1Octets, latin1Text } from '@restante/mail'
import { type Dialogue, parseDialogue } from '@restante/transcript'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeBase64, Pop3Session, scanListingOctets, uniqueIdListingOctets } from '../src/index.ts'
import { CorePeer } from './core-peer.ts'
import { buildWorld, listingOf } from './world.ts'

const dialogue: Dialogue = parseDialogue(
  [
    '= stls',
    '= xclient',
    '= mechanisms SCRAM-SHA-256 PLAIN LOGIN OAUTHBEARER',
    '= message anna .a: b\\r\\n\\r\\n.one\\r\\n..\\r\\n',
    '= message anna ',
    '= message anna x: y\\n\\nthree',
    '= limit badCommandsBeforeLogin 1000',
    '= limit badCommandsInARow 1000',
    '= limit authTries 1000',
  ].join('\n'),
  'fuzz',
)

/** Ways into every state a client can bring about. */
const STATES: Readonly<Record<string, (peer: CorePeer) => void>> = {
  greeted: () => {},
  named: (peer) => peer.push(latin1Octets('USER anna\r\n')),
  'in PLAIN': (peer) => peer.push(latin1Octets('AUTH PLAIN\r\n')),
  'in LOGIN, name given': (peer) => peer.push(latin1Octets('AUTH LOGIN YW5uYQ==\r\n')),
  'in SCRAM': (peer) =>
    peer.push(latin1Octets(`AUTH SCRAM-SHA-256 ${encodeBase64(latin1Octets('n,,n=anna,r=abc'))}\r\n`)),
  'in OAUTHBEARER': (peer) => peer.push(latin1Octets('AUTH OAUTHBEARER\r\n')),
  'awaiting TLS': (peer) => peer.push(latin1Octets('STLS\r\n')),
  'under TLS': (peer) => {
    peer.push(latin1Octets('STLS\r\n'))
    peer.event('tls', '')
  },
  'logged in': (peer) => peer.push(latin1Octets('USER anna\r\nPASS secret\r\n')),
  marked: (peer) => peer.push(latin1Octets('USER anna\r\nPASS secret\r\nDELE 2\r\n')),
  'inside a line': (peer) => peer.push(latin1Octets('USER anna\r\nPASS secret\r\nRET')),
  ended: (peer) => peer.push(latin1Octets('QUIT\r\n')),
}

const word = fc.constantFrom(
  ...[
    'USER',
    'PASS',
    'AUTH',
    'STLS',
    'CAPA',
    'QUIT',
    'STAT',
    'LIST',
    'UIDL',
    'RETR',
    'TOP',
    'DELE',
    'RSET',
    'NOOP',
  ],
  ...[
    'LANG',
    'UTF8',
    'XCLIENT',
    'PLAIN',
    'LOGIN',
    'SCRAM-SHA-256',
    'anna',
    'secret',
    '*',
    '=',
    'AGFubmEAc2VjcmV0',
  ],
  ...[
    '0',
    '1',
    '2',
    '3',
    '4',
    '01',
    '-1',
    '4294967297',
    ' ',
    '  ',
    '\t',
    '\0',
    '\r',
    '\n',
    'ADDR=::1',
    'de',
    '\xff',
  ],
)
const line = fc.array(word, { maxLength: 4 }).map((words) => words.join(' '))
const end = fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r', '')
const octets = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .array(fc.tuple(line, end), { maxLength: 12 })
      .map((lines) => latin1Octets(lines.flat().join(''))),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
)

describe('fuzzing', () => {
  test.each(Object.keys(STATES))('from state "%s": nothing throws, splits change nothing', (state) => {
    fc.assert(
      fc.property(
        octets,
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 }),
        (input, cuts) => {
          const whole = new CorePeer(buildWorld(dialogue))
          const split = new CorePeer(buildWorld(dialogue))
          STATES[state]?.(whole)
          STATES[state]?.(split)
          whole.push(input)
          for (let at = 0, i = 0; at < input.length; i++) {
            const length = cuts[i % cuts.length] as number
            split.push(input.slice(at, at + length))
            at += length
          }
          const said = latin1Text(whole.said())
          expect(latin1Text(split.said())).toBe(said)
          expect(split.session.state).toBe(whole.session.state)
          expect(split.committed).toEqual(whole.committed)
          for (const status of said.split('\r\n')) expect(status.length).toBeLessThan(700)
          expect(whole.session.heldOctets).toBeLessThanOrEqual(input.length + 20)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('numbers never change, octet counts agree, and only a QUIT deletes', () => {
    const command = fc.oneof(
      fc
        .tuple(fc.constantFrom('DELE', 'RETR', 'LIST', 'UIDL'), fc.integer({ min: 1, max: 8 }))
        .map(([verb, n]) => `${verb} ${n}`),
      fc.constantFrom('RSET', 'STAT', 'LIST', 'UIDL', 'NOOP', 'TOP 1 0'),
    )
    const body = fc.array(fc.constantFrom('a', '.', '\r\n', '\n', '\r', '\0', '\xe9', '..'), {
      maxLength: 12,
    })
    fc.assert(
      fc.property(
        fc.array(body, { maxLength: 6 }),
        fc.array(command, { maxLength: 20 }),
        fc.boolean(),
        (bodies, commands, quits) => {
          const text = bodies.map(
            (parts) =>
              `= message anna ${parts.join('').replace(/[^a.]/g, (octet) => `\\x${octet.charCodeAt(0).toString(16).padStart(2, '0')}`)}`,
          )
          const world = buildWorld(parseDialogue(text.join('\n'), 'fuzz'))
          const messages = [...(world.drops.get('anna') ?? [])]
          const peer = new CorePeer(world)
          const ask = (command: string) => {
            peer.said()
            peer.push(latin1Octets(`${command}\r\n`))
            return latin1Text(peer.said())
          }
          ask('USER anna')
          ask('PASS secret')
          const marked = new Set<number>()
          for (const command of commands) {
            const said = ask(command)
            const [verb = '', text] = command.split(' ')
            const n = Number(text)
            const exists = n >= 1 && n <= messages.length && !marked.has(n)
            if (verb === 'RSET') marked.clear()
            else if (verb === 'DELE' && exists) marked.add(n)
            else if (verb === 'STAT') {
              const left = messages.filter((_, i) => !marked.has(i + 1))
              const total = left.reduce((sum, message) => sum + message.octets.length, 0)
              expect(said).toBe(`+OK ${left.length} ${total}\r\n`)
            } else if (text === undefined && (verb === 'LIST' || verb === 'UIDL')) {
              const lines = messages.flatMap(({ listed }, i) =>
                marked.has(i + 1) ? [] : [`${i + 1} ${verb === 'LIST' ? listed.sizeOctets : listed.id}\r\n`],
              )
              expect(said.slice(said.indexOf('\r\n') + 2)).toBe(`${lines.join('')}.\r\n`)
            } else if (verb === 'RETR' && exists) {
              const octets = (messages[n - 1] as (typeof messages)[0]).octets
              const stuffed = latin1Text(octets).replace(/(^|\n)\./g, '$1..')
              expect(said).toBe(`+OK ${octets.length} octets\r\n${stuffed}.\r\n`)
            }
            if (n >= 1) expect(said.startsWith('+OK')).toBe(exists)
          }
          if (quits) ask('QUIT')
          expect(peer.committed).toEqual(quits ? [...marked].sort((a, b) => a - b) : null)
        },
      ),
      { numRuns: 400 },
    )
  })

  test('an unanswered ask takes no input, and a hung-up session says nothing more', () => {
    const world = buildWorld(dialogue)
    const session = new Pop3Session(world.policy, {
      secure: false,
      canStartTls: false,
      plainLogin: true,
      xclient: false,
    })
    session.greet()
    expect(
      session.push(latin1Octets('USER anna\r\nPASS secret\r\nSTAT\r\n')).map((step) => Object.keys(step)[0]),
    ).toEqual(['send', 'ask'])
    expect(session.push(latin1Octets('NOOP\r\n'))).toEqual([])
    expect(session.heldOctets).toBe(12)
    session.answer({ failed: 'auth' })
    expect(session.heldOctets).toBe(0)
    session.push(latin1Octets('QUIT\r\n'))
    expect(session.state).toBe('CLOSED')
    expect(session.push(latin1Octets('CAPA\r\n'))).toEqual([])
    expect(() => session.answer({ ok: true })).toThrow('no ask is pending')
  })

  test('pipelined commands are answered in bounded pieces', () => {
    const world = buildWorld(dialogue)
    const session = new Pop3Session(world.policy, {
      secure: false,
      canStartTls: false,
      plainLogin: true,
      xclient: false,
    })
    let steps = session.push(latin1Octets('CAPA\r\n'.repeat(5_000)))
    let most = 0
    let drains = 0
    for (;;) {
      let sent = 0
      for (const step of steps) if ('send' in step) sent += step.send.length
      most = Math.max(most, sent)
      const last = steps.at(-1)
      if (last === undefined || !('ask' in last)) break
      expect(last.ask).toBe('drain')
      drains++
      steps = session.answer({ ok: true })
    }
    expect(drains).toBeGreaterThan(5)
    expect(most).toBeLessThan(world.policy.limits.outputOctets + 1_000)
  })

  test('listings are formatted once per listing object', () => {
    const listing = listingOf(buildWorld(dialogue).drops.get('anna') ?? [])
    expect(scanListingOctets(listing)).toBe(scanListingOctets(listing))
    expect(uniqueIdListingOctets(listing)).toBe(uniqueIdListingOctets(listing))
    expect(latin1Text(scanListingOctets(listing, new Set([1])))).toBe('1 19\r\n3 15\r\n.\r\n')
    expect(latin1Text(scanListingOctets(listing))).toBe('1 19\r\n2 0\r\n3 15\r\n.\r\n')
  })
})
