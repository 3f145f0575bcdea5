import { BlockList, isIP } from 'node:net'

/** A set of addresses and networks. */
export interface Networks {
  readonly isEmpty: boolean
  has(address: string): boolean
}

/** Reads `10.0.0.0/8`, `2001:db8::/32`, `127.0.0.1`. Throws a TypeError that names what it cannot read. */
export function parseNetworks(texts: readonly string[]): Networks {
  const list = new BlockList()
  for (const text of texts) {
    const [address = '', bits, more] = text.split('/')
    const family = isIP(address)
    const most = family === 4 ? 32 : 128
    const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN
    if (family === 0 || more !== undefined || !(prefix >= 0 && prefix <= most)) {
      throw new TypeError(`not an address or network: ${text}`)
    }
    list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6')
  }
  return {
    isEmpty: texts.length === 0,
    has(address) {
      const family = isIP(address)
      return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6')
    },
  }
}

/** An address in its plain form: IPv4 inside IPv6 (`::ffff:192.0.2.1`) becomes IPv4. */
export function plainAddress(address: string): string {
  const match = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  return match?.[1] ?? address
}

/** Whether an address never leaves this machine. */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address)
}
