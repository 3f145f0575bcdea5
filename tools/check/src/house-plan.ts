/** A part of the house: its one job and what stands below it. */
export interface PlannedPart {
  readonly job: string
  /** Folders it may import from, besides itself and npm. */
  readonly mayImport: readonly string[]
  /** No Node, no clock, no randomness: compiled with `types: []`. */
  readonly pure?: true
  /** Parts it may depend on to start them as processes (`import.meta.resolve`), never to import them. */
  readonly mayStart?: readonly string[]
}

const PACKAGES = [
  'mail',
  'pop3',
  'pop3-server',
  'pop3-client',
  'smtp',
  'message',
  'bayes',
  'rules',
  'trust',
  'filter',
  'maildrop',
  'store-local',
  'store-cluster',
  'store-maildir',
  'accounts',
  'moving',
  'runtime',
  'testmail',
] as const

type PackageName = (typeof PACKAGES)[number]

const STORES: readonly PackageName[] = ['store-local', 'store-cluster', 'store-maildir']

function packages(...names: readonly PackageName[]): readonly string[] {
  return names.map((name) => `packages/${name}`)
}

function allPackagesBut(...names: readonly PackageName[]): readonly string[] {
  return packages(...PACKAGES.filter((name) => !names.includes(name)))
}

/**
 * The house plan: every part, present or to come, and what it may import. Imports run strictly downward; a part that is not
 * here does not belong into the house yet.
 */
export const HOUSE_PLAN: Readonly<Record<string, PlannedPart>> = {
  'packages/mail': { job: 'the shared words', mayImport: [], pure: true },
  'packages/pop3': { job: 'POP3 protocol core', mayImport: packages('mail'), pure: true },
  'packages/pop3-server': { job: 'sockets around the POP3 core', mayImport: packages('mail', 'pop3') },
  'packages/pop3-client': { job: 'typed POP3 client', mayImport: packages('mail', 'pop3') },
  'packages/smtp': { job: 'the guarded SMTP and LMTP engine', mayImport: packages('mail') },
  'packages/message': { job: 'octets to bounded facts', mayImport: packages('mail') },
  'packages/bayes': { job: 'features to calibrated probability', mayImport: [], pure: true },
  'packages/rules': { job: 'the rule language', mayImport: packages('mail'), pure: true },
  'packages/trust': { job: 'DNS, SPF, DKIM, DMARC, lists, clamd', mayImport: packages('mail') },
  'packages/filter': {
    job: 'checks to verdict per recipient',
    mayImport: packages('mail', 'message', 'rules', 'bayes', 'trust'),
  },
  'packages/maildrop': { job: 'the store contract and its test kit', mayImport: packages('mail') },
  'packages/store-local': { job: 'the embedded store', mayImport: packages('mail', 'maildrop') },
  'packages/store-cluster': { job: 'the store of many nodes', mayImport: packages('mail', 'maildrop') },
  'packages/store-maildir': { job: 'plain Maildir', mayImport: packages('mail', 'maildrop') },
  'packages/accounts': {
    job: 'credentials, throttle, address resolution',
    mayImport: packages('mail', 'maildrop'),
  },
  'packages/moving': {
    job: 'import, export, backup, migration',
    mayImport: packages('mail', 'maildrop', 'pop3-client'),
  },
  'packages/runtime': { job: 'config, logging, lifecycle, metrics', mayImport: [] },
  'packages/testmail': {
    job: 'mail servers for the tests of others',
    mayImport: packages('mail', 'pop3-server', 'pop3-client', 'smtp', 'maildrop'),
  },
  'apps/receiver': {
    job: 'SMTP, LMTP and submission in',
    mayImport: allPackagesBut('pop3', 'pop3-server', 'pop3-client', 'moving', 'testmail'),
  },
  'apps/pop3d': {
    job: 'POP3 out',
    mayImport: packages('mail', 'pop3', 'pop3-server', 'accounts', 'maildrop', ...STORES, 'runtime'),
  },
  'apps/learner': {
    job: 'follows the feedback log, trains, measures',
    mayImport: packages('mail', 'message', 'filter', 'bayes', 'maildrop', ...STORES, 'runtime'),
  },
  'apps/courier': {
    job: 'outgoing queue, digests, notices',
    mayImport: packages('mail', 'trust', 'maildrop', ...STORES, 'runtime'),
  },
  'apps/admin': {
    job: 'HTTP API and web pages',
    mayImport: allPackagesBut('pop3', 'pop3-server', 'pop3-client', 'smtp', 'testmail'),
  },
  'apps/cli': {
    job: 'the restante command',
    mayImport: allPackagesBut(),
    mayStart: ['apps/receiver', 'apps/pop3d', 'apps/learner', 'apps/courier', 'apps/admin'],
  },
}

/** The scope workspace packages are named in. */
export const SCOPE = '@restante/'

/**
 * Optional dependencies of installed packages that may be missing from the lockfile, by `package > dependency`, each with the
 * reason why no platform needs it.
 */
export const LOCKFILE_EXCEPTIONS: Readonly<Record<string, string>> = {}
