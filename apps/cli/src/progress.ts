const WIDTH = 24
/** Between two drawings, so that a slow terminal does not slow the work. */
const REDRAW_MS = 100

/** A bar on the terminal while long work goes on. */
export interface Progress {
  /** Shows how far it is; rarely, and only to people. */
  show(done: number, of: number): void
  /** Takes the bar away. */
  clear(): void
}

/** A bar on standard error, where that is a terminal; nothing where it is not. */
export function progressBar(what: string, stream: NodeJS.WriteStream = process.stderr): Progress {
  let drawnAtMs = Number.NEGATIVE_INFINITY
  let drawn = false
  return {
    show(done, of) {
      const nowMs = performance.now()
      if (stream.isTTY !== true || nowMs - drawnAtMs < REDRAW_MS) return
      drawnAtMs = nowMs
      drawn = true
      stream.write(`\r\u001b[K${bar(what, done, of)}`)
    },
    clear() {
      if (drawn) stream.write('\r\u001b[K')
      drawn = false
    },
  }
}

/** `what [#####.....]  42 %  421 of 1000`. */
export function bar(what: string, done: number, of: number): string {
  const share = of === 0 ? 1 : Math.min(1, done / of)
  const full = Math.round(share * WIDTH)
  const percent = String(Math.floor(share * 100)).padStart(3)
  return `${what} [${'#'.repeat(full)}${'.'.repeat(WIDTH - full)}] ${percent} %  ${done} of ${of}`
}
