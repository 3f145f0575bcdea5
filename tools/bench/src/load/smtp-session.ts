import { openWire, type Wire } from './wire.ts'

const LF = 10
const DASH = 0x2d
const LINE_MAX = 4096

/** The client side of an SMTP session: octets out, one reply at a time in. */
export interface SmtpSession {
  send(octets: Uint8Array): void
  /** The next reply's code. @throws {Error} the reply, unless its code is `expected`; or why the connection broke */
  expect(expected: number): Promise<void>
  close(): void
}

interface Awaited {
  readonly expected: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** Connects; the greeting is the first reply. */
export function openSmtpSession(port: number): SmtpSession {
  let awaited: Awaited | null = null
  let broken: Error | null = null
  let line = ''
  const take = (text: string): void => {
    if (text.charCodeAt(3) === DASH) return
    const asked = awaited
    awaited = null
    if (!asked) throw new Error(`nobody asked for ${text.slice(0, 60)}`)
    if (Number(text.slice(0, 3)) === asked.expected) asked.resolve()
    else asked.reject(new Error(text.slice(0, 200)))
  }
  const fail = (error: Error): void => {
    broken ??= error
    awaited?.reject(error)
    awaited = null
  }
  const wire: Wire = openWire(port, false, {
    onOctets(octets) {
      try {
        for (let at = 0; at < octets.length; ) {
          const end = octets.indexOf(LF, at)
          line += octets.toString('latin1', at, end < 0 ? octets.length : end)
          if (line.length > LINE_MAX) throw new Error('a reply line without an end')
          if (end < 0) return
          const text = line
          line = ''
          take(text.trimEnd())
          at = end + 1
        }
      } catch (error) {
        wire.close()
        fail(error as Error)
      }
    },
    onEnd: fail,
  })
  return {
    send: (octets) => wire.send(octets),
    expect: (expected) =>
      broken
        ? Promise.reject(broken)
        : new Promise((resolve, reject) => {
            awaited = { expected, resolve, reject }
          }),
    close: () => wire.close(),
  }
}
