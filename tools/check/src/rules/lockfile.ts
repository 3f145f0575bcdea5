import type { Finding, Installed, Rule, Workspace } from '../finding.ts'
import { LOCKFILE_EXCEPTIONS } from '../house-plan.ts'

const FILE = 'pnpm-lock.yaml'

/** `name@version` of every package the lockfile holds. */
function lockedPackages(lockfile: string): ReadonlySet<string> {
  const packages = new Set<string>()
  for (const match of lockfile.matchAll(/^ {2}'?(@?[^\s'@]+@[^\s'(:]+)[^\n]*:/gm))
    packages.add(match[1] as string)
  return packages
}

/**
 * Whether every optional dependency (the binaries of other platforms) is locked: pnpm leaves those its registry lacks
 * out without a word, and the install breaks there later. And whether no package comes from a fixed address.
 */
export function checkLockfile(
  lockfile: string,
  installed: readonly Installed[] | null,
  exceptions: Readonly<Record<string, string>>,
): readonly Finding[] {
  if (installed === null)
    return [{ file: FILE, what: 'nothing is installed', fix: 'run: node scripts/go.mjs setup' }]
  const findings: Finding[] = []
  const locked = lockedPackages(lockfile)
  const names = new Set([...locked].map((key) => key.slice(0, key.lastIndexOf('@'))))
  const unused = new Set(Object.keys(exceptions))
  for (const { name, version, optionalDependencies } of installed)
    for (const [dependency, range] of Object.entries(optionalDependencies)) {
      const isExact = /^\d+\.\d+\.\d+(?:[-+][\w.-]+)?$/.test(range)
      if (isExact ? locked.has(`${dependency}@${range}`) : names.has(dependency)) continue
      const key = `${name} > ${dependency}`
      if (key in exceptions) {
        unused.delete(key)
        continue
      }
      findings.push({
        file: FILE,
        what: `lacks ${dependency}@${range}, which ${name}@${version} needs on some platform`,
        fix: `pin a version of ${name} whose platform packages are all in the registry, or give the reason in LOCKFILE_EXCEPTIONS`,
      })
    }
  for (const key of unused)
    findings.push({
      file: 'tools/check/src/house-plan.ts',
      what: `the lockfile exception "${key}" excuses nothing`,
      fix: 'remove it',
    })
  lockfile.split('\n').forEach((text, i) => {
    if (/\btarball:|\bresolution:.*:\/\//.test(text))
      findings.push({
        file: FILE,
        line: i + 1,
        what: 'names a host to download from',
        fix: 'install from the configured registry; use a version it has',
      })
  })
  return findings
}

export const lockfile: Rule = {
  name: 'lockfile',
  purpose: 'the lockfile holds the packages of every platform and no host',
  check: (workspace: Workspace) =>
    checkLockfile(workspace.lockfile, workspace.installed, LOCKFILE_EXCEPTIONS),
}
