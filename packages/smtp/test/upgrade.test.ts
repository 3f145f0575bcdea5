import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { PassThrough, Writable } from 'node:stream'
import { SMTPServer } from 'smtp-server'
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js'
import { SMTPStream } from 'smtp-server/lib/smtp-stream.js'
import { describe, expect, test } from 'vitest'
import { Connection } from '../src/connection.ts'
import { CommandInput } from '../src/input.ts'
import { EngineServer } from '../src/server.ts'

type Class = abstract new (...parameters: never[]) => object

/** Methods of the base that ours rests on without overriding them, or whose work it does in their place. */
const LEANED_ON: Readonly<Record<string, readonly string[]>> = {
  SMTPServer: [
    '_acceptSocket',
    '_upgrade',
    '_resolveSNI',
    'updateSecureContext',
    '_setListeners',
    '_onError',
  ],
  SMTPConnection: [
    '_setListeners',
    '_onCloseEvent',
    '_onCommand',
    '_whenWritable',
    '_isSupported',
    '_setClientHostname',
    'handler_XCLIENT',
    'emitConnection',
  ],
  SMTPStream: [],
}

const PAIRS: readonly (readonly [Class, Class])[] = [
  [SMTPServer, EngineServer],
  [SMTPConnection, Connection],
  [SMTPStream, CommandInput],
]

const RECORD = new URL('data/smtp-server-hashes.json', import.meta.url)

/** sha256 of the source of the base's constructors, of each method we override and of those we lean on. */
function hashes(): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [base, ours] of PAIRS) {
    found[`${base.name}.constructor`] = sha256(base)
    const overridden = Object.getOwnPropertyNames(ours.prototype).filter(
      (name) => name !== 'constructor' && Object.hasOwn(base.prototype, name),
    )
    for (const name of [...overridden, ...(LEANED_ON[base.name] ?? [])].sort()) {
      found[`${base.name}.${name}`] = sha256((base.prototype as Record<string, unknown>)[name])
    }
  }
  return found
}

/** For a class, the source of its constructor alone: the rest has entries of its own. */
function sha256(source: unknown): string {
  const text = String(source)
  const made = /^class[^{]*\{\s*constructor\([\s\S]*?\n {4}\}\n/.exec(text)
  return createHash('sha256')
    .update(made === null ? text : made[0])
    .digest('hex')
}

describe('the pinned smtp-server', () => {
  test('is the one this layer was written over; on a mismatch read its diff, then delete the record', () => {
    if (!existsSync(RECORD)) {
      writeFileSync(RECORD, `${JSON.stringify(hashes(), null, 2)}\n`)
      throw new Error('recorded anew: commit the record if the diff of smtp-server was read')
    }
    expect(hashes()).toEqual(JSON.parse(readFileSync(RECORD, 'utf8')))
  })

  test('hashes whole constructors', () => {
    for (const [base] of PAIRS)
      expect(String(base)).toMatch(/^class[^{]*\{\s*constructor\([\s\S]*?\n {4}\}\n/)
  })

  test('hands sockets to a parser that keeps its contract', () => {
    const input = new CommandInput(
      { lineOctets: 10, runawayOctets: 100 },
      {
        readsInput: true,
        spokeEarly() {},
        take: () => true,
        inputUsedUp() {},
        inputWaits() {},
        inputEnded() {},
        inputFailed() {},
      },
    )
    expect(input).toBeInstanceOf(Writable)
    expect(input).toBeInstanceOf(SMTPStream)
    expect(input.isClosed).toBe(false)
    const source = new PassThrough()
    source.pipe(input)
    input.isClosed = true
    source.end('NOOP\r\n')
    expect(input.feed.hasInput).toBe(false)
  })
})
