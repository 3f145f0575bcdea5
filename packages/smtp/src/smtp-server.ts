import { createSecureContext } from 'node:tls'
import type { ListenOptions, SmtpServerOptions, TlsOptions } from './options.ts'
import { EngineServer } from './server.ts'
import { resolveSettings, SmtpOptionsError } from './settings.ts'

/** A listener for SMTP, submission or LMTP. */
export interface SmtpServer extends AsyncDisposable {
  /** Begins to listen. Resolves with the port in use; rejects if the address cannot be had. */
  listen(where: ListenOptions): Promise<{ readonly host: string; readonly port: number }>
  /** Open sessions. */
  readonly connections: number
  /** New handshakes use this certificate; running sessions keep theirs. Throws if it cannot be used. */
  setTls(tls: TlsOptions): void
  /**
   * Stops accepting and says 421 to idle sessions; running transactions may finish for `drainMs` (default
   * 10 s), then their sessions end too. Resolves when every connection is gone.
   */
  close(options?: { readonly drainMs?: number }): Promise<void>
}

const DRAIN_MS = 10_000

/**
 * Makes a guarded SMTP, submission or LMTP listener. It decides nothing about mail: the policy hooks say who
 * may send to whom, the data hook takes the octets. Throws {@link SmtpOptionsError} on impossible options.
 */
export function createSmtpServer(options: SmtpServerOptions): SmtpServer {
  const server = new EngineServer(resolveSettings(options))
  const close = (drainMs: number): Promise<void> => server.drain(drainMs)
  return {
    async listen(where) {
      const { address, port } = await server.begin(where)
      return { host: address, port }
    },
    get connections() {
      return server.connections.size
    },
    setTls({ key, cert }) {
      if (options.tls === undefined) throw new SmtpOptionsError('this listener was made without tls')
      // Tried first: a certificate that cannot be used must not displace the one that can.
      createSecureContext({ key, cert })
      server.updateSecureContext({ key, cert })
    },
    close: (closing) => close(closing?.drainMs ?? DRAIN_MS),
    [Symbol.asyncDispose]: () => close(0),
  }
}
