import { parseArgs } from 'node:util'

/** What a soak is asked for. */
export interface SoakOptions {
  /** How long checks are started. */
  readonly seconds: number
  /** Decides the exchange's streams, when the processes are killed, and how. */
  readonly seed: string
  readonly accounts: number
  /** What the exchange is asked for; what it does is measured. */
  readonly eventsPerSecond: number
}

/** How to use the soak, in a line. */
export const SOAK_USAGE = 'npm run soak -- [--seconds N] [--seed TEXT] [--accounts N] [--rate EVENTS_PER_SECOND]'

/** Reads the command line over the environment (`SOAK_SECONDS`, `SOAK_SEED`); text instead of options says all that is wrong with them. */
export function readSoakOptions(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  freshSeed: () => string,
): SoakOptions | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { seconds: { type: 'string' }, seed: { type: 'string' }, accounts: { type: 'string' }, rate: { type: 'string' } },
    })
    const problems: string[] = []
    const whole = (name: string, text: string, min: number, max: number) => {
      const value = /^\d+$/.test(text) ? Number.parseInt(text, 10) : Number.NaN
      if (!(value >= min && value <= max))
        problems.push(`--${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`)
      return value
    }
    const options = {
      seconds: whole('seconds', values.seconds ?? environment['SOAK_SECONDS'] ?? '600', 5, 86_400),
      seed: values.seed ?? environment['SOAK_SEED'] ?? freshSeed(),
      accounts: whole('accounts', values.accounts ?? '20000', 2, 1_000_000),
      eventsPerSecond: whole('rate', values.rate ?? '1600', 1, 100_000),
    }
    return problems.length > 0 ? problems.join('; ') : options
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
