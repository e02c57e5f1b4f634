import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

/**
 * Files whose tests leave nothing behind in their process: they run in one after the other, which imports Varve once. The
 * others kill, fork, set the environment, or bring clients that cannot be two in one process.
 */
const together = [
  ...[
    ...['claims', 'deciders', 'erasure', 'groups', 'model', 'projections'],
    ...['remote', 'schema', 'shelf', 'streams', 'subscriptions'],
  ].map((folder) => `store/src/${folder}/**/*.test.ts`),
  'server/src/{auth,http}/**/*.test.ts',
]

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'together', include: together, isolate: false } },
      {
        extends: true,
        test: {
          name: 'apart',
          include: [
            'store/src/**/*.test.ts',
            'server/src/**/*.test.ts',
            'test/**/*.test.ts',
            'bench/**/*.test.ts',
            'examples/**/*.test.ts',
          ],
          exclude: together,
        },
      },
    ],
    globalSetup: ['test/stale-build.ts', 'test/postgres/global-setup.ts'],
    // Tests start hundreds of processes that import all of Varve: what one has compiled, the next one finds.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules', '.cache', 'compiled') },
    // Long enough for a disk that others use as well; a test that hangs still ends.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is waited for comes at once on a machine of one's own; on a busy one it still comes.
    expect: { poll: { timeout: 20_000 } },
    // One more than the cores of a small machine: many tests wait, for what was killed or for a lease to end.
    maxWorkers: 3,
    coverage: {
      provider: 'v8',
      include: ['store/src/**/*.ts'],
      exclude: ['**/*.test.ts', 'store/src/conformance/wrong-{engines,targets}/**'],
      reporter: ['text-summary', 'json-summary'],
      thresholds: { lines: 90 },
    },
  },
})
