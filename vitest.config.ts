import { defineConfig } from 'vitest/config'

// Dots for people who watch, a line per file for logs.
const watched = process.stdout.isTTY && !process.env['CI']

export default defineConfig({
  test: {
    projects: ['packages/*', 'apps/*', 'tools/*', 'scripts'],
    reporters: [watched ? 'dot' : 'default'],
    slowTestThreshold: 5_000,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    passWithNoTests: false,
  },
})
