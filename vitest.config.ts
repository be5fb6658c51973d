import { defineConfig } from 'vitest/config'

// Two cores: engine-backed suites share them, so files run two at a time at the most.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Soaks of a single check, minutes long on two cores: RECON_LONG_TESTS=1 runs them too.
    exclude: [
      '**/node_modules/**',
      ...(process.env['RECON_LONG_TESTS'] ? [] : ['test/omnibus-live.test.ts', 'test/pnl-is-zero-sum-live.test.ts']),
    ],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    reporters: process.env['RECON_TEST_REPORT'] ? ['default', ['json', { outputFile: process.env['RECON_TEST_REPORT'] }]] : ['default'],
  },
})
