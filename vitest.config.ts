import { defineConfig } from 'vitest/config'

// Custodian, marks, explain and the simulator's own record on exchanges that run, and a bench in small: minutes on two cores. `.ci/run` runs them too; RECON_LONG_TESTS=1 asks for them.
const LONG = [
  'test/bench.test.ts',
  'test/custodian/following.test.ts',
  'test/custodian/omnibus-live.test.ts',
  'test/exchange-faults.test.ts',
  'test/exchange-live.test.ts',
  'test/explain-faults.test.ts',
  'test/omnibus-live.test.ts',
  'test/pnl-is-zero-sum-live.test.ts',
]

// Two cores: engine-backed suites share them, so files run two at a time at the most.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**', ...(process.env['RECON_LONG_TESTS'] ? [] : LONG)],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    reporters: process.env['RECON_TEST_REPORT'] ? ['default', ['json', { outputFile: process.env['RECON_TEST_REPORT'] }]] : ['default'],
  },
})
