import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    name: '@restante/store-local',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Every opened store starts a writer thread from source: compiled once, not once a test.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), 'restante-compile-cache') },
  },
})
