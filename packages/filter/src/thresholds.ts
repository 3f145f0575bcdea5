import type { Thresholds } from '@restante/mail'

/** Thresholds for a domain or an account, as the settings have them. */
export interface ThresholdOverride {
  readonly domain?: string | undefined
  readonly account?: string | undefined
  readonly tag?: number | null | undefined
  readonly quarantine?: number | null | undefined
  readonly reject?: number | null | undefined
  /** False: mail for it is not judged. */
  readonly filter?: boolean | undefined
}

/** What applies to one recipient, and where each value came from (`global`, `domain acme.example`, `account …`). */
export interface ResolvedThresholds {
  readonly thresholds: Thresholds
  readonly filter: boolean
  readonly origin: Readonly<Record<'tag' | 'quarantine' | 'reject' | 'filter', string>>
}

/**
 * Account over domain over global, key by key.
 * @param address the recipient account's canonical address
 * @param own what the account itself has set in the store; strongest of all
 */
export function resolveThresholds(
  address: string,
  global: Thresholds,
  overrides: readonly ThresholdOverride[],
  own: Partial<Thresholds> = {},
): ResolvedThresholds {
  const domain = address.slice(address.lastIndexOf('@') + 1)
  const layers: (readonly [string, ThresholdOverride])[] = [['global', { ...global, filter: true }]]
  for (const entry of overrides) {
    if (entry.domain !== undefined && entry.account === undefined && same(entry.domain, domain))
      layers.push([`domain ${domain}`, entry])
  }
  for (const entry of overrides)
    if (entry.account !== undefined && same(entry.account, address))
      layers.push([`account ${address}`, entry])
  layers.push([`account ${address}`, own])

  const pick = <K extends 'tag' | 'quarantine' | 'reject' | 'filter'>(
    key: K,
  ): readonly [ThresholdOverride[K], string] => {
    let found: readonly [ThresholdOverride[K], string] = [undefined, 'global']
    for (const [origin, layer] of layers) if (layer[key] !== undefined) found = [layer[key], origin]
    return found
  }
  const [tag, quarantine, reject, filter] = [pick('tag'), pick('quarantine'), pick('reject'), pick('filter')]
  return {
    thresholds: { tag: tag[0] ?? null, quarantine: quarantine[0] ?? null, reject: reject[0] ?? null },
    filter: filter[0] !== false,
    origin: { tag: tag[1], quarantine: quarantine[1], reject: reject[1], filter: filter[1] },
  }
}

function same(a: string, b: string): boolean {
  return a.normalize('NFC').toLowerCase() === b
}
