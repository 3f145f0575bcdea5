import type { Throttle } from './throttle.ts'

/** Most that are shown of those who must wait; the rest is not told. */
const SHOWN_MAX = 1_000

/** What the command line asks a process about its throttle; answers are plain values. */
export type ThrottleControls = {
  readonly 'throttle-list': () => readonly {
    readonly remote: string
    readonly address: string | null
    readonly failures: number
    readonly untilMs: number
  }[]
  /** @param given `remote`, an IP address, or `address`, an account's; neither: all. Answers how many entries went. */
  readonly 'throttle-clear': (given: { readonly [name: string]: unknown }) => number
}

/** The controls of a throttle, under the names `restante throttle` asks by. */
export function throttleControls(throttle: Pick<Throttle, 'list' | 'clear'>): ThrottleControls {
  return {
    'throttle-list': () =>
      throttle
        .list()
        .slice(0, SHOWN_MAX)
        .map(({ remote, address, failures, untilMs }) => ({ remote, address, failures, untilMs })),
    'throttle-clear': ({ remote, address }) =>
      throttle.clear({
        ...(typeof remote === 'string' ? { remote } : {}),
        ...(typeof address === 'string' ? { address } : {}),
      }),
  }
}
