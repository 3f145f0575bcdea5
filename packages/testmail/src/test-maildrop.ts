import {
  type ConnectOptions,
  connectPop3,
  type DropLine,
  type Pop3Client,
  type ScanLine,
  type UniqueIdLine,
} from '@restante/pop3-client'
import { TestMessage } from './received-message.ts'

/** One account's maildrop over POP3. Every call is a session of its own; `connect` gives one to keep. */
export class TestMaildrop {
  readonly host: string = '127.0.0.1'
  readonly port: number
  /** The login name: the account's address. */
  readonly user: string
  readonly password: string
  /** For `connectPop3` of `@restante/pop3-client`. */
  readonly options: ConnectOptions

  constructor(port: number, user: string, password: string, ca: string | null) {
    this.port = port
    this.user = user
    this.password = password
    this.options = {
      host: this.host,
      port,
      login: { name: user, password },
      ...(ca === null ? { tls: 'none' } : { tls: 'stls', ca, servername: 'localhost' }),
    }
  }

  /** A session. Nothing is deleted unless it ends with `quit`. */
  connect(more: Partial<ConnectOptions> = {}): Promise<Pop3Client> {
    return connectPop3({ ...this.options, ...more })
  }

  stat(): Promise<DropLine> {
    return this.#once((client) => client.stat())
  }

  list(): Promise<readonly ScanLine[]> {
    return this.#once((client) => client.list())
  }

  uidl(): Promise<readonly UniqueIdLine[]> {
    return this.#once((client) => client.uidl())
  }

  /** A message as a POP3 client gets it, our trace fields included. */
  retr(number: number): Promise<TestMessage> {
    return this.#once(async (client) => new TestMessage(await client.retrWhole(number)))
  }

  /** Header and `lines` lines of the body. */
  top(number: number, lines: number): Promise<TestMessage> {
    return this.#once(async (client) => new TestMessage(await client.topWhole(number, lines)))
  }

  /** All messages, in order. */
  all(): Promise<readonly TestMessage[]> {
    return this.#once(async (client) => {
      const { count } = await client.stat()
      const numbers = Array.from({ length: count }, (_, i) => i + 1)
      return Promise.all(numbers.map(async (number) => new TestMessage(await client.retrWhole(number))))
    })
  }

  /** Deletes messages, and quits so that it counts. */
  async dele(...numbers: readonly number[]): Promise<void> {
    await using client = await this.connect()
    await Promise.all(numbers.map((number) => client.dele(number)))
    await client.quit()
  }

  async #once<T>(read: (client: Pop3Client) => Promise<T>): Promise<T> {
    await using client = await this.connect()
    return await read(client)
  }
}
