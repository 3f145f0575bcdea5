import { connect, type Socket } from 'node:net'
import type { Octets } from '@restante/mail'

/** Where clamd listens: a unix socket's path, or a host and port. */
export type ClamdAddress = { readonly path: string } | { readonly host: string; readonly port: number }

/** How to ask clamd. */
export interface ClamdOptions {
  readonly address: ClamdAddress
  /** For a whole scan, connecting included. Default 30,000. */
  readonly deadlineMs?: number
  /** For the connection alone. Default 2,000. */
  readonly connectMs?: number
  /** A longer message is not sent further: `unavailable`. Keep it at or under clamd's `StreamMaxLength`. Default 25 MiB. */
  readonly sizeMaxOctets?: Octets
  /** Scans at a time; more wait, within their deadline. Default 4. */
  readonly scansMax?: number
}

/** What clamd says of a message. `unavailable` says nothing about it: too large, no clamd, no answer in time. */
export type VirusScan =
  | { readonly result: 'clean' }
  | { readonly result: 'infected'; readonly virus: string }
  | { readonly result: 'unavailable'; readonly why: string }

/** A clamd. Nothing here throws or rejects; it holds no connection between scans. */
export interface Clamd {
  /** @param octets chunks must stay valid until they have been sent */
  scan(
    octets: Uint8Array | AsyncIterable<Uint8Array>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<VirusScan>
  /** Its version and signature date, as it says (`ClamAV 1.4.6/27800/...`), or null. */
  version(): Promise<string | null>
}

const CHUNK_OCTETS = 65_536
const ANSWER_OCTETS_MAX = 4_096

/** A client for clamd's INSTREAM (clamd(8)): length-prefixed chunks, then one line. */
export function createClamd(options: ClamdOptions): Clamd {
  const { address, deadlineMs = 30_000, connectMs = 2_000, sizeMaxOctets = 25 << 20, scansMax = 4 } = options
  let running = 0
  const waiting: (() => void)[] = []

  async function turn(signal: AbortSignal): Promise<boolean> {
    if (running < scansMax) {
      running++
      return true
    }
    return await new Promise((settle) => {
      const next = (): void => {
        signal.removeEventListener('abort', leave)
        settle(true)
      }
      const leave = (): void => {
        waiting.splice(waiting.indexOf(next), 1)
        settle(false)
      }
      signal.addEventListener('abort', leave, { once: true })
      waiting.push(next)
    })
  }

  function endTurn(): void {
    const next = waiting.shift()
    if (next === undefined) running--
    else next()
  }

  return {
    async scan(octets, { signal: outer } = {}) {
      const deadline = AbortSignal.timeout(deadlineMs)
      const signal = outer === undefined ? deadline : AbortSignal.any([outer, deadline])
      if (octets instanceof Uint8Array && octets.length > sizeMaxOctets) return tooLarge(sizeMaxOctets)
      if (signal.aborted || !(await turn(signal))) return unavailable('no turn in time')
      try {
        const send = (socket: Socket): Promise<Octets | 'too-large'> =>
          sendStream(socket, octets, sizeMaxOctets, signal)
        const answer = await converse(address, connectMs, signal, 'zINSTREAM\0', send)
        return answer === 'too-large' ? tooLarge(sizeMaxOctets) : readVerdict(answer)
      } catch (error) {
        if (deadline.aborted) return unavailable(`no answer within ${deadlineMs} ms`)
        if (signal.aborted) return unavailable('given up')
        return unavailable(error instanceof Error ? error.message : String(error))
      } finally {
        endTurn()
      }
    },
    async version() {
      try {
        const answer = await converse(address, connectMs, AbortSignal.timeout(deadlineMs), 'zVERSION\0')
        return answer === 'too-large' ? null : answer
      } catch {
        return null
      }
    },
  }
}

function unavailable(why: string): VirusScan {
  return { result: 'unavailable', why }
}

function tooLarge(sizeMaxOctets: Octets): VirusScan {
  return unavailable(`larger than ${sizeMaxOctets} octets`)
}

/** `stream: OK`, `stream: NAME FOUND`, `INSTREAM size limit exceeded. ERROR`. */
function readVerdict(answer: string): VirusScan {
  if (answer === 'stream: OK') return { result: 'clean' }
  const virus = /^stream: (.+) FOUND$/.exec(answer)?.[1]
  if (virus !== undefined) return { result: 'infected', virus: virus.slice(0, 200) }
  return unavailable(answer === '' ? 'it hung up without an answer' : `it says: ${answer.slice(0, 200)}`)
}

/** Connects, sends, and reads one answer up to its NUL. */
function converse(
  address: ClamdAddress,
  connectMs: number,
  signal: AbortSignal,
  command: string,
  send?: (socket: Socket) => Promise<Octets | 'too-large'>,
): Promise<string | 'too-large'> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Error('aborted'))
    const socket = connect(address)
    let answer = ''
    const connecting = setTimeout(() => end(new Error(`no connection within ${connectMs} ms`)), connectMs)
    const abort = (): void => end(new Error('aborted'))
    const end = (error: Error | null, said?: string): void => {
      clearTimeout(connecting)
      signal.removeEventListener('abort', abort)
      socket.destroy()
      if (error !== null) reject(error)
      else resolve(said ?? answer)
    }
    signal.addEventListener('abort', abort, { once: true })
    socket.on('error', (error) => (answer === '' ? end(error) : end(null)))
    socket.on('end', () => end(null, answer.trim()))
    socket.on('close', () => end(null, answer.trim()))
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
      const nul = answer.indexOf('\0')
      // It may answer, and hang up, before it has read everything: over its size limit.
      if (nul >= 0) end(null, answer.slice(0, nul).trim())
      else if (answer.length > ANSWER_OCTETS_MAX) end(new Error('an answer without end'))
    })
    socket.on('connect', () => {
      clearTimeout(connecting)
      socket.write(command, 'latin1')
      send?.(socket).then(
        (sent) => {
          if (sent === 'too-large') end(null, 'too-large')
        },
        (error) => end(error instanceof Error ? error : new Error(String(error))),
      )
    })
  })
}

/** Sends the message in clamd's chunks, no faster than clamd reads, and the empty chunk that ends it. */
async function sendStream(
  socket: Socket,
  octets: Uint8Array | AsyncIterable<Uint8Array>,
  sizeMaxOctets: Octets,
  signal: AbortSignal,
): Promise<Octets | 'too-large'> {
  let sent = 0
  for await (const chunk of octets instanceof Uint8Array ? [octets] : octets) {
    sent += chunk.length
    if (sent > sizeMaxOctets) return 'too-large'
    for (let at = 0; at < chunk.length; at += CHUNK_OCTETS) {
      if (socket.destroyed || signal.aborted) return sent
      const piece = chunk.subarray(at, at + CHUNK_OCTETS)
      const length = Buffer.alloc(4)
      length.writeUInt32BE(piece.length)
      socket.write(length)
      if (!socket.write(piece)) await drained(socket)
    }
  }
  if (!socket.destroyed) socket.write(Buffer.alloc(4))
  return sent
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve()
    const go = (): void => {
      socket.off('drain', go)
      socket.off('close', go)
      resolve()
    }
    socket.on('drain', go)
    socket.on('close', go)
  })
}
