import type { Parameters } from 'fast-check'
import { ReconError } from '../../epoch/recon-error.ts'

/**
 * The parameters that every property test of a suite should run with: `FC_SEED` and `FC_PATH` repeat the case that a failure printed, `FC_RUNS` sets how many
 * cases are tried. `defaults` holds what the test wants otherwise. Throws `ReconError` with code `invalid-parameters` for a variable that is not what it should be.
 */
export function parameters<T = unknown>(defaults: Parameters<T> = {}): Parameters<T> {
  const [seed, path, runs] = [integer('FC_SEED'), process.env['FC_PATH'], integer('FC_RUNS')]
  if (path !== undefined && seed === undefined)
    throw new ReconError('invalid-parameters', 'FC_PATH repeats nothing without the FC_SEED that was printed beside it')
  if (runs !== undefined && runs < 1) throw new ReconError('invalid-parameters', `FC_RUNS must be at least 1, not ${runs}`)
  return {
    ...defaults,
    ...(seed === undefined ? {} : { seed }),
    ...(path === undefined ? {} : { path }),
    ...(runs === undefined ? {} : { numRuns: runs }),
  }
}

function integer(variable: string): number | undefined {
  const text = process.env[variable]
  if (text === undefined || text === '') return undefined
  const value = Number(text)
  if (!Number.isSafeInteger(value))
    throw new ReconError('invalid-parameters', `${variable} must be a whole number, not ${JSON.stringify(text)}`)
  return value
}
