import type { MaybePromise } from './options.ts'

/** How a guarded call ended. */
export type Outcome<T> =
  | { readonly value: T }
  | { readonly failed: 'threw' | 'deadline'; readonly error: unknown }

/** A hook missed its deadline. */
export class HookDeadlineError extends Error {
  override readonly name = 'HookDeadlineError'
  readonly code = 'hook-deadline'

  constructor(deadlineMs: number) {
    super(`hook gave no answer in ${deadlineMs} ms`)
  }
}

/** A running guarded call. `cancel` fires its signal; its outcome is then never reported. */
export interface Guarded {
  cancel(): void
  /** Starts the deadline now, if the call was begun without one. */
  expire(deadlineMs: number): void
}

const FINISHED: Guarded = { cancel() {}, expire() {} }

/** Makes the signal only for hooks that look at it: an AbortController costs more than most hooks. */
class LazySignal {
  #controller: AbortController | null = null
  #reason: unknown = null

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#reason !== null) this.#controller.abort(this.#reason)
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}

/**
 * Calls application code so that nothing it does can hurt the session: throws, rejections and missed deadlines
 * become outcomes. A synchronous answer is reported before this returns.
 *
 * @param broken what happens if `report` itself throws later: a fault of ours that must not end the process
 * @param deadlineMs null: the caller starts the deadline later, with `expire`
 */
export function guard<T>(
  deadlineMs: number | null,
  call: (context: { readonly signal: AbortSignal }) => MaybePromise<T>,
  report: (outcome: Outcome<T>) => void,
  broken: (error: unknown) => void,
): Guarded {
  const context = new LazySignal()
  let answer: MaybePromise<T>
  let later: Promise<T> | null = null
  try {
    answer = call(context)
    if (isThenable(answer)) later = answer
  } catch (error) {
    report({ failed: 'threw', error })
    return FINISHED
  }
  if (later === null) {
    report({ value: answer as T })
    return FINISHED
  }
  let open = true
  let timer: NodeJS.Timeout | null = null
  const settle = (outcome: Outcome<T>): void => {
    if (!open) return
    open = false
    if (timer !== null) clearTimeout(timer)
    try {
      report(outcome)
    } catch (error) {
      broken(error)
    }
  }
  const expire = (ms: number): void => {
    if (!open || timer !== null) return
    timer = setTimeout(() => {
      const error = new HookDeadlineError(ms)
      context.abort(error)
      settle({ failed: 'deadline', error })
    }, ms)
  }
  if (deadlineMs !== null) expire(deadlineMs)
  later.then(
    (value) => settle({ value }),
    (error: unknown) => settle({ failed: 'threw', error }),
  )
  return {
    expire,
    cancel() {
      if (!open) return
      open = false
      if (timer !== null) clearTimeout(timer)
      context.abort(new DOMException('no longer wanted', 'AbortError'))
    },
  }
}

function isThenable<T>(answer: MaybePromise<T>): answer is Promise<T> {
  return typeof (answer as { then?: unknown } | null | undefined)?.then === 'function'
}
