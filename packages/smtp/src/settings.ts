import { BlockList, isIP } from 'node:net'
import { AddressLimits } from './address-limits.ts'
import type { LineEndPolicy } from './line-ends.ts'
import { DEFAULT_LIMITS, type Limits, type SmtpServerOptions } from './options.ts'

/** Options with every default filled in, shared by all sessions of a listener. */
export interface Settings {
  readonly options: SmtpServerOptions
  readonly limits: Limits
  readonly lineEnds: LineEndPolicy
  readonly requireAuth: boolean
  readonly startTls: boolean
  readonly proxies: BlockList | null
  readonly xclients: BlockList | null
  readonly addresses: AddressLimits
  readonly nowMs: () => number
}

/** A mistake in the options, for whoever wrote the configuration. */
export class SmtpOptionsError extends Error {
  override readonly name = 'SmtpOptionsError'
  readonly code = 'smtp-options'
}

/** Fills in defaults and checks what types cannot. Throws {@link SmtpOptionsError}. */
export function resolveSettings(options: SmtpServerOptions): Settings {
  if (typeof options.policy?.rcpt !== 'function') {
    throw new SmtpOptionsError('policy.rcpt is required: it decides which recipients exist')
  }
  if (options.implicitTls === true && options.tls === undefined) {
    throw new SmtpOptionsError('implicitTls needs tls.key and tls.cert')
  }
  if (options.requireTls === true && options.tls === undefined) {
    throw new SmtpOptionsError('requireTls needs tls.key and tls.cert')
  }
  if (!/^[^\s\u0000-\u001f\u007f]{1,255}$/.test(options.hostname)) {
    throw new SmtpOptionsError('hostname must be one word of 1 to 255 characters')
  }
  const requireAuth = options.requireAuth ?? options.mode === 'submission'
  if (requireAuth && options.auth === undefined) throw new SmtpOptionsError('requireAuth needs auth')
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits }
  for (const [name, value] of Object.entries(limits)) {
    if (value !== null && !(typeof value === 'number' && value >= 0)) {
      throw new SmtpOptionsError(`limits.${name} must be 0 or more`)
    }
  }
  const nowMs = options.nowMs ?? ((): number => performance.now())
  return {
    options,
    limits,
    lineEnds: options.lineEnds ?? 'normalize',
    requireAuth,
    startTls: options.tls !== undefined && options.implicitTls !== true,
    proxies: readNetworks('trustedProxies', options.trustedProxies),
    xclients: readNetworks('xclientFrom', options.xclientFrom),
    addresses: new AddressLimits(limits, nowMs),
    nowMs,
  }
}

/** Whether a network list holds an address, as sockets report it. */
export function holdsAddress(networks: BlockList | null, address: string): boolean {
  if (networks === null) return false
  const plain = plainAddress(address)
  const family = isIP(plain)
  return family !== 0 && networks.check(plain, family === 6 ? 'ipv6' : 'ipv4')
}

/** An address without the IPv4-mapped prefix of dual-stack sockets, and without a zone. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '')
    .replace(/^::ffff:(?=\d+\.)/i, '')
    .replace(/%.*$/, '')
    .toLowerCase()
}

function readNetworks(option: string, networks: readonly string[] | undefined): BlockList | null {
  if (networks === undefined || networks.length === 0) return null
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    try {
      if (prefix === undefined) list.addAddress(address, family)
      else list.addSubnet(address, Number(prefix), family)
    } catch (cause) {
      throw new SmtpOptionsError(`${option}: ${network} is no address or network`, { cause })
    }
  }
  return list
}
