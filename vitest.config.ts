// Decides which tests run together: fast ones beside the sources, and those that start real processes and a real Envoy.
import { defineConfig } from 'vitest/config';

const SLOW = ['test/e2e/**/*.test.ts', 'test/integration/**/*.test.ts'];
const NEVER = ['**/node_modules/**', '**/.cache/**', '**/.chancery/**'];

export default defineConfig({
  test: {
    passWithNoTests: true,
    // A test file is told by its name alone which project it belongs to, so none is left out and none runs twice.
    projects: [
      {
        test: {
          name: 'fast',
          include: ['**/*.test.ts'],
          exclude: [...NEVER, ...SLOW],
          testTimeout: 10_000,
          hookTimeout: 10_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: SLOW,
          exclude: NEVER,
          // Each file runs an instance of its own: Envoy and five Node processes.
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
