import type { Listen } from './config.ts'

/** A port that cannot be had. `code` is the system's: `EADDRINUSE`, `EACCES`, … */
export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code: string
  /** `host:port` as asked for. */
  readonly address: string
  /** The config key that chose it. */
  readonly key: string
  constructor(cause: unknown, listen: Listen, key: string) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'error'
    const address = `${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${listen.port}`
    super(`${address} ${key}`, { cause })
    this.code = code
    this.address = address
    this.key = key
  }
}
