import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Installed, Manifest, Part, TextFile, Tsconfig, Workspace } from './finding.ts'

/** The nearest folder upwards that holds pnpm-workspace.yaml. */
export function findRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'pnpm-workspace.yaml'))) return folder
    if (dirname(folder) === folder) throw new Error(`no pnpm-workspace.yaml above ${from}`)
  }
}

const UNTRACKED: ReadonlySet<string> = new Set(['node_modules', 'dist', '.git', '.turbo'])

/** Every file below a folder, for source trees that are no git checkout. */
function walk(root: string, folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (UNTRACKED.has(entry.name)) return []
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    return entry.isDirectory() ? walk(root, path) : [path]
  })
}

function listFiles(root: string): string[] {
  const git = spawnSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (git.status !== 0) return walk(root)
  return git.stdout.split('\0').filter((path) => path !== '')
}

/** Text, or null for what holds NUL octets or is no ordinary file. */
function readText(path: string): string | null {
  if (!lstatSync(path).isFile()) return null
  const octets = readFileSync(path)
  return octets.subarray(0, 8192).includes(0) ? null : octets.toString('utf8')
}

function parseJson<T>(text: string | null | undefined): T | null {
  if (text === null || text === undefined) return null
  try {
    return JSON.parse(text) as T
  } catch {
    return null
  }
}

function readInstalled(root: string): readonly Installed[] | null {
  const store = join(root, 'node_modules', '.pnpm')
  if (!existsSync(store)) return null
  const installed = new Map<string, Installed>()
  const read = (folder: string): void => {
    if (!lstatSync(folder).isDirectory()) return
    const file = join(folder, 'package.json')
    const manifest = existsSync(file) ? parseJson<Manifest>(readFileSync(file, 'utf8')) : null
    if (!manifest?.name || !manifest.version) return
    const { name, version, optionalDependencies = {} } = manifest
    installed.set(`${name}@${version}`, { name, version, optionalDependencies })
  }
  for (const entry of readdirSync(store)) {
    const modules = join(store, entry, 'node_modules')
    if (entry === 'node_modules' || !existsSync(modules)) continue
    for (const name of readdirSync(modules)) {
      if (name.startsWith('.')) continue
      if (name.startsWith('@'))
        for (const scoped of readdirSync(join(modules, name))) read(join(modules, name, scoped))
      else read(join(modules, name))
    }
  }
  const own = parseJson<Manifest>(readFileSync(join(root, 'package.json'), 'utf8'))
  if (own)
    installed.set('', {
      name: own.name ?? '',
      version: '',
      optionalDependencies: own.optionalDependencies ?? {},
    })
  return [...installed.values()]
}

/** Reads all that the rules look at. Only tracked files: what is not committed yet is nobody's business yet. */
export function readWorkspace(root: string): Workspace {
  const files: TextFile[] = listFiles(root)
    .filter((path) => existsSync(join(root, path)))
    .map((path) => ({ path, text: readText(join(root, path)) }))
  const texts = new Map(files.map(({ path, text }) => [path, text]))
  const parts: Part[] = files
    .map(({ path }) => /^((?:packages|apps|tools)\/[^/]+)\/package\.json$/.exec(path)?.[1])
    .filter((folder) => folder !== undefined)
    .map((folder) => ({
      folder,
      manifest: parseJson<Manifest>(texts.get(`${folder}/package.json`)),
      tsconfig: parseJson<Tsconfig>(texts.get(`${folder}/tsconfig.json`)),
    }))
  return {
    files,
    parts,
    tsconfig: parseJson<Tsconfig>(texts.get('tsconfig.json')),
    lockfile: texts.get('pnpm-lock.yaml') ?? '',
    installed: readInstalled(root),
    checkout: root,
  }
}
