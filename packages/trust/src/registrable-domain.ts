import { getDomain } from 'tldts'

/**
 * The domain somebody registered, by the Public Suffix List, private suffixes (`github.io`) included: `mail.acme.co.uk` gives
 * `acme.co.uk`. A-labels, lower case. Null for a suffix itself, an address, and what is no host.
 */
export function registrableDomain(host: string): string | null {
  return getDomain(host, { allowPrivateDomains: true, validateHostname: true, extractHostname: false })
}
