import { parseArgs } from 'node:util'
import { ReconError } from '../epoch/recon-error.ts'
import { assertVolume } from './growth/volume.ts'
import { DEFAULT_GROWTH, type GrowthOptions } from './growth.ts'

/** What the bench is asked for. */
export type BenchRequest =
  | { readonly kind: 'help' }
  | { readonly kind: 'unusable'; readonly reason: string }
  | {
      readonly kind: 'measure'
      /** Undefined where that part was not asked for. */
      readonly floor: { readonly keys: number; readonly transactions: number } | undefined
      readonly growth: GrowthOptions | undefined
    }

/** How to use it, and what it costs. */
export const BENCH_HELP = `npm run bench [-- floor | growth]: prints one JSON document; progress on stderr. Both parts without an argument.

  floor    1,000,000 keys over 20,000,000 transactions: transactions-balance reading everything, against the raw queries that it cannot do
           without (minutes, 3 GB; BENCH_KEYS, BENCH_TRANSACTIONS)
  growth   every check from its checkpoints on, after an increment of 100,000 transactions, with 1,000,000, 10,000,000 and 50,000,000 of
           history under it; full runs, checkpoints and the audit beside it (a quarter of an hour, 10 GB; BENCH_VOLUMES, BENCH_KEYS, BENCH_INCREMENT)
`

/** Reads the command line, and the volumes from the environment; says all that is wrong with them at once. */
export function readBenchRequest(args: readonly string[], environment: Readonly<Record<string, string | undefined>>): BenchRequest {
  const problems: string[] = []
  const whole = (name: string, text: string) => {
    if (/^\d{1,12}$/.test(text)) return Number.parseInt(text, 10)
    problems.push(`${name} must be a whole number, not ${JSON.stringify(text)}`)
    return 0
  }
  const fromEnvironment = (name: string, otherwise: number) => whole(name, environment[name] ?? otherwise.toString())
  let part: string | undefined
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: { help: { type: 'boolean' } }, allowPositionals: true })
    if (values.help) return { kind: 'help' }
    part = positionals[0]
    if (positionals.length > 1 || (part !== undefined && part !== 'floor' && part !== 'growth'))
      problems.push('it takes floor, growth, or nothing for both')
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error))
  }
  const volumes = environment['BENCH_VOLUMES']?.split(',').map(text => whole('BENCH_VOLUMES', text)) ?? DEFAULT_GROWTH.volumes
  const growth = {
    volumes,
    keys: fromEnvironment('BENCH_KEYS', DEFAULT_GROWTH.keys),
    increment: fromEnvironment('BENCH_INCREMENT', DEFAULT_GROWTH.increment),
  }
  const floor = { keys: growth.keys, transactions: fromEnvironment('BENCH_TRANSACTIONS', 20_000_000) }
  if (part !== 'floor' && problems.length === 0) problems.push(...impossible(growth))
  if (problems.length > 0) return { kind: 'unusable', reason: problems.join('; ') }
  return { kind: 'measure', floor: part === 'growth' ? undefined : floor, growth: part === 'floor' ? undefined : growth }
}

function impossible({ volumes, keys, increment }: GrowthOptions): readonly string[] {
  return volumes.flatMap(transactions => {
    try {
      assertVolume({ transactions, keys, increment })
      return []
    } catch (error) {
      if (!(error instanceof ReconError)) throw error
      return [error.message]
    }
  })
}
