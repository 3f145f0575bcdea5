import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The package.json of a part, as far as packing cares. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly bin?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, { readonly types: string; readonly default: string }>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** One package as it would be published. */
export interface Tarball {
  /** The part's folder in the checkout, absolute. */
  readonly folder: string
  readonly file: string
  /** As published: `publishConfig` applied, `workspace:*` replaced. */
  readonly manifest: Manifest
  /** Paths inside the package, `package/` left out, in order. */
  readonly paths: readonly string[]
}

/** The nearest folder upwards that holds pnpm-workspace.yaml. */
export function findCheckout(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'pnpm-workspace.yaml'))) return folder
    if (dirname(folder) === folder) throw new Error(`no pnpm-workspace.yaml above ${from}`)
  }
}

/** Folders of all parts that are published, absolute, in order of path. */
export function publishedParts(checkout: string): readonly string[] {
  return globSync('{packages,apps}/*/package.json', { cwd: checkout })
    .sort()
    .filter((file) => !(JSON.parse(readFileSync(join(checkout, file), 'utf8')) as Manifest).private)
    .map((file) => join(checkout, dirname(file)))
}

/**
 * The environment without what npm and pnpm leave in it for their children, the running Node first on PATH.
 * Without that a nested npm takes the outer one's settings for its own.
 */
export function cleanEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(?:npm_|pnpm_|VITEST|NODE_OPTIONS|NODE_PATH|INIT_CWD)/i.test(entry[0]),
  )
  const environment = Object.fromEntries(kept)
  return {
    ...environment,
    PATH: [dirname(process.execPath), environment['PATH'] ?? ''].join(delimiter),
    npm_config_loglevel: 'error',
  }
}

/**
 * For npm: the same without this checkout's programs. npm looks for its machine-wide settings (a proxy, a certificate
 * authority) beside the Node that runs it, and only the machine's own Node has them.
 */
export function npmEnvironment(checkout: string): Record<string, string> {
  const environment = cleanEnvironment()
  const path = (process.env['PATH'] ?? '').split(delimiter)
  const outside = path.filter((folder) => !folder.startsWith(join(checkout, 'node_modules')))
  return { ...environment, PATH: outside.join(delimiter) }
}

/** Builds all parts of a checkout (quick where turbo has them cached); throws an Error with what the build said. */
export async function build(checkout: string): Promise<void> {
  const args = ['scripts/go.mjs', 'turbo', 'run', 'build', '--filter=./packages/*', '--filter=./apps/*']
  await run(process.execPath, [...args, '--output-logs=errors-only'], {
    cwd: checkout,
    env: cleanEnvironment(),
    maxBuffer: 1 << 26,
  })
}

/** Packs one built part with pnpm into `target`, and reads what came out. */
export async function pack(checkout: string, folder: string, target: string): Promise<Tarball> {
  const env = cleanEnvironment()
  const pnpm = join(checkout, 'node_modules/pnpm/bin/pnpm.cjs')
  const packed = await run(process.execPath, [pnpm, 'pack', '--json', '--pack-destination', target], {
    cwd: folder,
    env,
    maxBuffer: 1 << 26,
  })
  const { filename } = JSON.parse(packed.stdout) as { filename: string }
  const listed = await run('tar', ['-tzf', filename], { env })
  const manifest = await run('tar', ['-xzOf', filename, 'package/package.json'], { env })
  return {
    folder,
    file: filename,
    manifest: JSON.parse(manifest.stdout) as Manifest,
    paths: listed.stdout
      .split('\n')
      .filter((path) => path !== '')
      .map((path) => path.replace(/^package\//, ''))
      .sort(),
  }
}

/**
 * Installs tarballs into an empty folder as a stranger would, third-party packages from the npm registry. Ours resolve to
 * the tarballs everywhere, also below each other. Install scripts do not run: nothing that ships needs one.
 */
export async function installTarballs(
  checkout: string,
  tarballs: readonly Tarball[],
  folder: string,
): Promise<void> {
  const dependencies = Object.fromEntries(
    tarballs.map(({ manifest, file }) => [manifest.name, `file:${file}`]),
  )
  const overrides = Object.fromEntries(tarballs.map(({ manifest }) => [manifest.name, `$${manifest.name}`]))
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies, overrides }))
  const args = ['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts']
  await run('npm', args, { cwd: folder, env: npmEnvironment(checkout), maxBuffer: 1 << 26 })
}

/** Null where the npm registry answers, else the reason why not. */
export async function registryTrouble(checkout: string): Promise<string | null> {
  try {
    await run('npm', ['view', 'valibot', 'name', '--fetch-retries=0', '--fetch-timeout=15000'], {
      env: npmEnvironment(checkout),
      timeout: 30_000,
    })
    return null
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr ?? error)
    return /code (\S+)/.exec(said)?.[1] ?? 'no answer'
  }
}
