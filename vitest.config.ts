import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { defineConfig, type TestProjectConfiguration } from 'vitest/config'

// Dots for people who watch, a line per file for logs.
const watched = process.stdout.isTTY && !process.env['CI']

/** A part's tests, under its package's name; with the limits below unless it has a vitest.config.ts of its own. */
function project(manifest: string): TestProjectConfiguration {
  const root = dirname(manifest)
  if (existsSync(join(root, 'vitest.config.ts'))) return root
  const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name: string }
  return { extends: true, root, test: { name } }
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
    testTimeout: 20_000,
    hookTimeout: 60_000,
    passWithNoTests: false,
  },
})
