import { domainToASCII, domainToUnicode } from 'node:url'
import { canonicalAddress, formatPath, type Path, parsePath } from '@restante/mail'
import {
  type Account,
  type Directory,
  type Domain,
  type Folder,
  INBOX,
  isFolder,
  QUARANTINE,
} from '@restante/maildrop'

/** Aliases of aliases are followed this deep. */
export const ALIAS_MAX_DEPTH = 10
/** One recipient becomes at most this many destinations. */
export const ALIAS_MAX_DESTINATIONS = 200
/** No answer about a recipient is older than this, whatever a cache is set to. */
export const RECIPIENT_CACHE_MAX_MS = 1000

/** One maildrop that a recipient's copy goes to. */
export interface Destination {
  readonly account: Account
  readonly folder: Folder
}

/**
 * What an address is to us.
 * `deliver` and `forward` are never both empty; each destination stands there once. `unknown`: our domain, but nobody there.
 * `notLocal`: another's domain. `loop`: its aliases lead in a circle, deeper than {@link ALIAS_MAX_DEPTH} or to more
 * than {@link ALIAS_MAX_DESTINATIONS} places.
 */
export type Resolution =
  | { readonly deliver: readonly Destination[]; readonly forward: readonly string[] }
  | { readonly unknown: true }
  | { readonly notLocal: true }
  | { readonly loop: true }

/** How recipients are resolved. */
export interface ResolveOptions {
  /** Where mail for `postmaster` and `abuse` of our domains goes; default the oldest account. */
  readonly postmaster?: string
  /**
   * Which details of plus-addresses name a folder: `anna+lists@` -> folder `lists`. True for every folder name, or
   * only those listed. Others, and all of them by default, go to the inbox. Never the quarantine.
   */
  readonly plusFolders?: boolean | readonly Folder[]
}

/** What has been gathered on the way. */
interface Walk {
  readonly directory: Directory
  readonly options: ResolveOptions
  readonly deliver: Map<string, Destination>
  readonly forward: Map<string, string>
  /** Aliases already opened, so that two ways to the same alias are walked once. */
  readonly opened: Map<string, Step>
}

type Step = 'found' | 'unknown' | 'not-local' | 'loop'

const ROLES: ReadonlySet<string> = new Set(['postmaster', 'abuse'])

/** The domain of ours that a name stands for, in whichever of its IDNA forms it was put in. */
async function ownDomain(directory: Directory, name: string): Promise<Domain | null> {
  const plain = name.normalize('NFC').toLowerCase()
  const found = await directory.domain(plain)
  if (found) return found
  if (/^[\x21-\x7e]*$/.test(plain) && !plain.includes('xn--')) return null
  for (const form of [domainToUnicode(plain), domainToASCII(plain)]) {
    if (form === '' || form === plain) continue
    const other = await directory.domain(form)
    if (other) return other
  }
  return null
}

function isOverfull(walk: Walk): boolean {
  return walk.deliver.size + walk.forward.size > ALIAS_MAX_DESTINATIONS
}

function addDestination(walk: Walk, account: Account, folder: Folder): Step {
  walk.deliver.set(`${account.id} ${folder}`, { account, folder })
  return isOverfull(walk) ? 'loop' : 'found'
}

function plusFolder(detail: string, allowed: ResolveOptions['plusFolders']): Folder {
  const folder = detail.normalize('NFC').toLowerCase()
  if (!allowed || !isFolder(folder) || folder === QUARANTINE) return INBOX
  return allowed === true || allowed.includes(folder) ? folder : INBOX
}

/** Follows alias targets; `chain` holds the aliases that led here. */
async function followTargets(
  walk: Walk,
  targets: readonly string[],
  chain: readonly string[],
): Promise<Step> {
  let found = false
  for (const target of targets) {
    const path = parsePath(target)
    if (path === null) continue
    const step = await follow(walk, path, chain)
    if (step === 'loop') return 'loop'
    if (step === 'not-local') {
      walk.forward.set(canonicalAddress(path), formatPath(path))
      if (isOverfull(walk)) return 'loop'
    }
    if (step !== 'unknown') found = true
  }
  return found ? 'found' : 'unknown'
}

/** An account or alias of exactly this address. */
async function followExact(walk: Walk, address: string, chain: readonly string[]): Promise<Step> {
  const account = await walk.directory.accountByAddress(address)
  if (account) return addDestination(walk, account, INBOX)
  const alias = await walk.directory.alias(address)
  if (!alias) return 'unknown'
  if (chain.includes(address) || chain.length >= ALIAS_MAX_DEPTH) return 'loop'
  const before = walk.opened.get(address)
  if (before !== undefined) return before
  // One recipient never opens more aliases than it may have destinations, however little they lead to.
  if (walk.opened.size >= ALIAS_MAX_DESTINATIONS) return 'loop'
  const step = await followTargets(walk, alias.targets, [...chain, address])
  walk.opened.set(address, step)
  return step
}

async function oldestAccount(directory: Directory): Promise<Account | null> {
  let oldest: Account | null = null
  for (const account of await directory.accounts())
    if (oldest === null || account.createdAtMs < oldest.createdAtMs) oldest = account
  return oldest
}

/** Who reads the mail of a role: the configured address if that leads anywhere, else the oldest account. */
async function followRole(walk: Walk, chain: readonly string[]): Promise<Step> {
  const role = '*role*'
  if (walk.options.postmaster !== undefined && !chain.includes(role)) {
    const step = await followTargets(walk, [walk.options.postmaster], [...chain, role])
    if (step === 'found') return step
  }
  const first = await oldestAccount(walk.directory)
  return first ? addDestination(walk, first, INBOX) : 'unknown'
}

async function follow(walk: Walk, path: Path, chain: readonly string[]): Promise<Step> {
  const local = path.localPart.normalize('NFC').toLowerCase()
  if (path.domain === '') return local === 'postmaster' ? followRole(walk, chain) : 'not-local'
  const domain = await ownDomain(walk.directory, path.domain)
  if (!domain) return 'not-local'
  const address = canonicalAddress({ localPart: path.localPart, domain: domain.name })

  const exact = await followExact(walk, address, chain)
  if (exact !== 'unknown') return exact

  const plus = local.indexOf('+')
  if (plus > 0) {
    const base = canonicalAddress({ localPart: local.slice(0, plus), domain: domain.name })
    const account = await walk.directory.accountByAddress(base)
    if (account)
      return addDestination(walk, account, plusFolder(local.slice(plus + 1), walk.options.plusFolders))
    const step = await followExact(walk, base, chain)
    if (step !== 'unknown') return step
  }
  if (ROLES.has(plus > 0 ? local.slice(0, plus) : local)) return followRole(walk, chain)

  // A catch-all that leads back into its own domain's unknown names ends there instead of going round.
  const all = `*@${domain.name}`
  if (domain.catchAll === null || chain.includes(all)) return 'unknown'
  return followTargets(walk, [domain.catchAll], [...chain, all])
}

/**
 * Decides at RCPT who gets a recipient's mail, so that nothing has to bounce later: account, alias, plus-address,
 * `postmaster@` and `abuse@` (always somebody's, RFC 5321 §4.5.1, RFC 2142), then the domain's catch-all. A path
 * with an empty domain is `<Postmaster>`. Targets that lead nowhere are left out where others lead somewhere.
 * @throws {StoreError} as the directory does
 */
export async function resolveRecipient(
  directory: Directory,
  path: Path,
  options: ResolveOptions = {},
): Promise<Resolution> {
  const walk: Walk = {
    directory,
    options,
    deliver: new Map(),
    forward: new Map(),
    opened: new Map(),
  }
  const step = await follow(walk, path, [])
  if (step === 'loop') return { loop: true }
  if (step === 'not-local') return { notLocal: true }
  if (step === 'unknown') return { unknown: true }
  return { deliver: [...walk.deliver.values()], forward: [...walk.forward.values()] }
}

/** {@link resolveRecipient} with what it needs every time, and a short memory. */
export interface RecipientResolver {
  /** @throws {StoreError} as the directory does */
  resolve(path: Path): Promise<Resolution>
}

/** What a {@link RecipientResolver} is made of. */
export interface RecipientResolverOptions extends ResolveOptions {
  readonly directory: Directory
  readonly now: () => number
  /** How long an answer is used again; at most {@link RECIPIENT_CACHE_MAX_MS}, 0 = never. Default 1000. */
  readonly cacheTtlMs?: number
  /** Default 4096. */
  readonly cacheEntries?: number
}

/**
 * Makes a resolver that asks the directory once for the same recipient in quick succession. An answer's age counts
 * from before its first look-up, so that a change is seen at most `cacheTtlMs` after it was made. Failures are not kept.
 */
export function createRecipientResolver(options: RecipientResolverOptions): RecipientResolver {
  const { directory, now, cacheEntries = 4096 } = options
  const ttlMs = Math.min(options.cacheTtlMs ?? RECIPIENT_CACHE_MAX_MS, RECIPIENT_CACHE_MAX_MS)
  const answers = new Map<string, { readonly atMs: number; readonly answer: Promise<Resolution> }>()
  return {
    resolve(path) {
      if (ttlMs <= 0) return resolveRecipient(directory, path, options)
      const key = `${path.localPart}@${path.domain}`.normalize('NFC').toLowerCase()
      const atMs = now()
      const kept = answers.get(key)
      if (kept && atMs >= kept.atMs && atMs - kept.atMs < ttlMs) return kept.answer
      answers.delete(key)
      const answer = resolveRecipient(directory, path, options)
      const entry = { atMs, answer }
      answers.set(key, entry)
      answer.catch(() => {
        if (answers.get(key) === entry) answers.delete(key)
      })
      if (answers.size > cacheEntries) answers.delete(answers.keys().next().value as string)
      return answer
    },
  }
}
