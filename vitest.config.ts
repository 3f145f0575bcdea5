import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

// Dots for people who watch, a line per file for logs.
const watched = process.stdout.isTTY && !process.env['CI']

// Each package is a project under its own name, with these time limits unless it has a config of its own.
const folders = ['packages', 'apps', 'tools'].flatMap((group) =>
  readdirSync(group)
    .map((name) => join(group, name))
    .filter((folder) => existsSync(join(folder, 'test')) && existsSync(join(folder, 'package.json'))),
)

export default defineConfig({
  test: {
    projects: [...folders, 'scripts'].map((folder) =>
      existsSync(join(folder, 'vitest.config.ts'))
        ? folder
        : { extends: true as const, root: folder, test: { name: nameOf(folder) } },
    ),
    reporters: [watched ? 'dot' : 'default'],
    slowTestThreshold: 5_000,
    // On a busy machine a process may take seconds to start; no test asserts a time.
    testTimeout: 30_000,
    hookTimeout: 120_000,
    passWithNoTests: false,
  },
})

function nameOf(folder: string): string {
  const manifest = join(folder, 'package.json')
  return existsSync(manifest) ? (JSON.parse(readFileSync(manifest, 'utf8')) as { name: string }).name : folder
}
