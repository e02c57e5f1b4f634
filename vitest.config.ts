import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: [
      'store/src/**/*.test.ts',
      'server/src/**/*.test.ts',
      'test/**/*.test.ts',
      'bench/**/*.test.ts',
      'examples/**/*.test.ts',
    ],
    globalSetup: ['test/postgres/global-setup.ts'],
    // Tests start hundreds of processes that import all of Varve: what one has compiled, the next one finds.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules', '.cache', 'compiled') },
    // Long enough for a disk that others use as well; a test that hangs still ends.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is waited for comes at once on a machine of one's own; on a busy one it still comes.
    expect: { poll: { timeout: 20_000 } },
    maxWorkers: 2,
    coverage: {
      provider: 'v8',
      include: ['store/src/**/*.ts'],
      exclude: ['**/*.test.ts', 'store/src/conformance/wrong-{engines,targets}/**'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { lines: 90 },
    },
  },
})
