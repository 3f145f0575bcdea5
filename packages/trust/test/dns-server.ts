import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import DNS, { Packet } from 'dns2'

/** A record in dns2's form, as `{ name, type, class, ttl, address }`. */
export interface TestRecord {
  readonly name: string
  readonly type: number
  readonly class: number
  readonly ttl: number
}

/** A name server on loopback for tests, UDP and TCP on the same port. */
export interface TestDnsServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly address: string
  /** Questions in order, as `UDP TXT example.org`. */
  readonly questions: readonly string[]
}

/** What to answer; `drop` says nothing. */
export interface TestDnsReply {
  readonly answers?: readonly TestRecord[]
  readonly authorities?: readonly TestRecord[]
  readonly rcode?: number
  readonly drop?: true
}

/** Starts a name server that answers by a function. */
export async function startDnsServer(
  reply: (name: string, type: string, transport: 'UDP' | 'TCP') => TestDnsReply | Promise<TestDnsReply>,
): Promise<TestDnsServer> {
  const questions: string[] = []
  const handler =
    (transport: 'UDP' | 'TCP') => async (request: Packet, send: (response: Packet) => unknown) => {
      const [question] = request.questions
      if (question === undefined) return
      const type = Packet.TYPE_NAME[question.type ?? 0] ?? String(question.type)
      questions.push(`${transport} ${type} ${question.name}`)
      const said = await reply(question.name, type, transport)
      if (said.drop) return
      const response = Packet.createResponseFromRequest(request)
      Object.assign(response.header, { rcode: said.rcode ?? 0 })
      response.answers.push(...((said.answers ?? []) as never[]))
      response.authorities.push(...((said.authorities ?? []) as never[]))
      send(response)
    }
  for (;;) {
    const tcp = DNS.createTCPServer(handler('TCP') as never)
    tcp.listen(0, '127.0.0.1')
    await once(tcp, 'listening')
    const { port } = tcp.address() as AddressInfo
    const udp = DNS.createUDPServer(handler('UDP') as never)
    udp.bind(port, '127.0.0.1')
    try {
      await once(udp, 'listening')
    } catch {
      // Another socket has that port for UDP: try the next one.
      tcp.close()
      continue
    }
    return {
      address: `127.0.0.1:${port}`,
      questions,
      async [Symbol.asyncDispose]() {
        udp.close()
        tcp.close()
      },
    }
  }
}
