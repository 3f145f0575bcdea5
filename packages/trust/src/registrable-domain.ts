import { createRequire } from 'node:module'

let suffixes: typeof import('tldts') | undefined

/**
 * The domain somebody registered, by the Public Suffix List, private suffixes (`github.io`) included: `mail.acme.co.uk` gives
 * `acme.co.uk`. A-labels, lower case. Null for a suffix itself, an address, and what is no host. The list is loaded on first use
 * (about 60 ms, 6 MB), in the form that mailauth uses too.
 */
export function registrableDomain(host: string): string | null {
  suffixes ??= createRequire(import.meta.url)('tldts') as typeof import('tldts')
  return suffixes.getDomain(host, {
    allowPrivateDomains: true,
    validateHostname: true,
    extractHostname: false,
  })
}
