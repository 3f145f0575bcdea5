import { existsSync, globSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { defineConfig, type TestProjectConfiguration } from 'vitest/config'

// Dots for people who watch, a line per file for logs.
const watched = process.stdout.isTTY && !process.env['CI']

// Many tests wait for disks, clocks and peers, so one worker more than cores is not too many.
const maxWorkers = Math.max(2, availableParallelism() + 1)

const limits = { testTimeout: 20_000, hookTimeout: 60_000 }

/** A part's tests, under its package's name; with the limits above, or those of its own vitest.config.ts. */
function project(manifest: string): TestProjectConfiguration {
  const root = dirname(manifest)
  const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name: string }
  const own = join(root, 'vitest.config.ts')
  return existsSync(own)
    ? { extends: own, root, test: { name, maxWorkers } }
    : { extends: true, root, test: { name } }
}

export default defineConfig({
  test: {
    projects: [
      ...globSync('{packages,apps,tools}/*/package.json', { cwd: import.meta.dirname })
        .sort()
        .map((manifest) => project(join(import.meta.dirname, manifest))),
      { extends: true, root: join(import.meta.dirname, 'scripts'), test: { name: 'scripts' } },
    ],
    reporters: [watched ? 'dot' : 'default'],
    slowTestThreshold: 5_000,
    maxWorkers,
    ...limits,
    passWithNoTests: false,
  },
})
