import type { Peer } from '@restante/transcript'
import {
  type Answer,
  type Ask,
  type Credentials,
  type Failure,
  Pop3Session,
  type SessionSituation,
  type Step,
} from '../src/index.ts'
import {
  addMessage,
  CHANNEL_BINDING,
  listingOf,
  scramCredentials,
  type World,
  type WorldMessage,
} from './world.ts'

/** Drives the pure core over a world in memory, every answer given at once. */
export class CorePeer implements Peer {
  readonly session: Pop3Session
  readonly #world: World
  #said: Buffer[] = []
  #name = ''
  #snapshot: readonly WorldMessage[] = []
  /** What was committed, as message-numbers; null until then. */
  committed: readonly number[] | null = null
  closed: Extract<Ask, { ask: 'close' }> | null = null
  #tls: (() => void) | null = null

  constructor(world: World) {
    this.#world = world
    this.session = new Pop3Session(world.policy, this.#situation)
    this.#take(this.session.greet())
  }

  push(octets: Uint8Array): void {
    this.#take(this.session.push(octets))
  }

  said(): Buffer {
    const said = Buffer.concat(this.#said)
    this.#said = []
    return said
  }

  event(name: string, rest: string): void {
    switch (name) {
      case 'tls':
        if (this.#tls === null) throw new Error('no handshake was asked for')
        this.#tls()
        break
      case 'closed':
        if (this.closed === null) throw new Error('the session is open')
        if (rest !== '' && this.closed.reason !== rest) throw new Error(`closed for ${this.closed.reason}`)
        break
      case 'open':
        if (this.closed !== null) throw new Error(`closed for ${this.closed.reason}`)
        break
      case 'drop':
        break
      case 'committed':
        if ((this.committed ?? []).join(' ') !== rest || this.committed === null) {
          throw new Error(`committed: ${this.committed?.join(' ') ?? 'nothing'}`)
        }
        break
      case 'kept':
        if (this.committed !== null) throw new Error(`committed: ${this.committed.join(' ')}`)
        break
      case 'arrive': {
        const [to = '', ...text] = rest.split(' ')
        addMessage(this.#world, to, text.join(' '))
        break
      }
      case 'read-at-most':
        if (this.#world.readOctets > Number(rest)) throw new Error(`read ${this.#world.readOctets} octets`)
        break
      default:
        throw new Error(`unknown event ${name}`)
    }
  }

  get #situation(): SessionSituation {
    const { secure, canStartTls, plainLogin, xclient } = this.#world
    return {
      secure,
      canStartTls,
      plainLogin,
      xclient,
      ...(secure ? { channelBinding: (type) => (type === 'tls-exporter' ? CHANNEL_BINDING : null) } : {}),
    }
  }

  #take(first: readonly Step[]): void {
    let steps = first
    for (;;) {
      let ask: Ask | null = null
      for (const step of steps) {
        if (ask !== null) throw new Error('a step after an ask')
        if ('send' in step) this.#said.push(Buffer.from(step.send))
        else ask = step
      }
      if (ask === null) return
      if (ask.ask === 'close') {
        this.closed = ask
        return
      }
      if (ask.ask === 'startTls') {
        this.#tls = () => {
          this.#tls = null
          this.#world.secure = true
          this.#take(this.session.secured(this.#situation))
        }
        return
      }
      steps = this.session.answer(this.#answer(ask))
    }
  }

  #answer(ask: Exclude<Ask, { ask: 'close' | 'startTls' }>): Answer {
    const world = this.#world
    const trouble = world.trouble.get(ask.ask)
    if (trouble !== undefined && trouble !== 'short') return { failed: trouble as Failure }
    switch (ask.ask) {
      case 'authenticate':
        return this.#authenticate(ask.credentials)
      case 'scram':
        return { scram: scramCredentials(world.passwords.get(ask.name) ?? `no such name ${ask.name}`) }
      case 'open':
        if (world.inUse.has(this.#name)) return { failed: 'in-use' }
        this.#snapshot = [...(world.drops.get(this.#name) ?? [])]
        return { opened: { listing: listingOf(this.#snapshot), readOnly: world.readOnly } }
      case 'read': {
        if (trouble === 'short' && ask.position > 0) return { octets: new Uint8Array(0) }
        const { octets } = this.#snapshot[ask.index] as WorldMessage
        const most = trouble === 'short' ? 10 : ask.maxOctets
        const piece = octets.slice(ask.position, ask.position + most)
        world.readOctets += piece.length
        return { octets: piece }
      }
      case 'commit':
        this.committed = ask.deleted.map((index) => index + 1)
        return { ok: true }
      case 'drain':
        return { ok: true }
      case 'xclient':
        return { ok: true, situation: this.#situation }
    }
  }

  #authenticate(credentials: Credentials): Answer {
    const { passwords, tokens } = this.#world
    let known: boolean
    if ('password' in credentials) known = passwords.get(credentials.name) === credentials.password
    else if ('token' in credentials) known = tokens.get(credentials.token) === credentials.name
    else known = credentials.scram.proven && passwords.has(credentials.name)
    if (!known) return { failed: 'auth' }
    this.#name = credentials.name
    return { ok: true }
  }
}
