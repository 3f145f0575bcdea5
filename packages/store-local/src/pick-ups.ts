import type { Connection } from './connection.ts'
import { guarded, storeError } from './failure.ts'
import type { RunState } from './run-state.ts'
import type { StoreLog, Writer } from './writer.ts'

/** When a device of an account last opened a maildrop. */
export interface PickUp {
  /** The account's id. */
  readonly account: string
  /** Empty for the account password. */
  readonly device: string
  readonly atMs: number
}

/** What keeping pick-ups needs of the store. */
export interface PickUpTools {
  readonly index: Connection
  readonly run: RunState
  readonly writer: Writer
  readonly log: StoreLog
}

/** How long a pick-up may be known to this process alone. */
const FLUSH_MS = 1000
/** Durable pick-ups written in one request. */
const SLICE = 200

/**
 * When devices last picked mail up. A pick-up is noted in memory, shown to other processes within a second (in
 * `run.db`, which is never flushed), and made durable only with `expire` and at the end: a poll writes nothing durable.
 */
export class PickUps {
  readonly #tools: PickUpTools
  /** Noted, but not yet in `run.db`. */
  readonly #fresh = new Map<string, PickUp>()
  #timer: NodeJS.Timeout | null = null
  #noted = false

  constructor(tools: PickUpTools) {
    this.#tools = tools
  }

  note(pickUp: PickUp): void {
    this.#noted = true
    this.#fresh.set(JSON.stringify([pickUp.account, pickUp.device]), pickUp)
    if (this.#timer !== null) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      try {
        this.#flush()
      } catch (error) {
        this.#tools.log('store-pick-ups-failed', { reason: storeError(error).message })
      }
    }, FLUSH_MS)
    this.#timer.unref()
  }

  /** The last pick-up of each device of an account. */
  of(account: { readonly n: number; readonly id: string }): ReadonlyMap<string, number> {
    this.#flush()
    const last = new Map<string, number>()
    const durable = guarded(() =>
      this.#tools.index.all<{ device: string; at_ms: number }>(
        'SELECT device, at_ms FROM pick_ups WHERE account = ?',
        account.n,
      ),
    )
    const running = this.#tools.run.pickUpsOf(account.id)
    for (const { device, at_ms: atMs } of [...durable, ...running]) {
      last.set(device, Math.max(last.get(device) ?? atMs, atMs))
    }
    return last
  }

  /** Forgets a device that was taken away, or where null all of an erased account. */
  forget(account: string, device: string | null): void {
    for (const [name, fresh] of this.#fresh) {
      if (fresh.account === account && (device === null || fresh.device === device)) this.#fresh.delete(name)
    }
    this.#tools.run.forgetPickUps(account, device)
  }

  /** Writes down, so that it survives a restart of the machine, what all processes have noted. */
  async makeDurable(): Promise<void> {
    this.#flush()
    const { run, writer } = this.#tools
    const pickUps = run.pickUps()
    for (let at = 0; at < pickUps.length; at += SLICE) {
      const slice = pickUps.slice(at, at + SLICE)
      await writer.run('keepPickUps', slice)
      run.settlePickUps(slice)
    }
    this.#noted = false
  }

  /** The same where this process has noted any since; what fails is said, not thrown. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (!this.#noted) return
    try {
      await this.makeDurable()
    } catch (error) {
      this.#tools.log('store-pick-ups-failed', { reason: storeError(error).message })
    }
  }

  #flush(): void {
    if (this.#fresh.size === 0) return
    this.#tools.run.notePickUps([...this.#fresh.values()])
    this.#fresh.clear()
  }
}
