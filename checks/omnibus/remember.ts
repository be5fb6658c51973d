import type { LegContext } from '../../epoch/leg.ts'
import { StoreError } from '../../epoch/store-error.ts'
import { NOTHING_SETTLED, type SettledAdvance, type SettledHead } from '../../stores/state/settled-record.ts'
import type { CustodySource } from './custody-source.ts'

/** Nothing is settled: everything is listed, and read. */
export const NO_HEAD: SettledHead = { era: 0n, version: 0n, boundaries: [], sequence: 0n, sums: NOTHING_SETTLED }

/** Notes what changes no verdict. */
export type Warn = (warning: string) => void

/** How far the custodian is settled; where recon's own database cannot say, nothing is, which costs time and changes no verdict. */
export async function recallHead({ memory }: CustodySource, warn: Warn, { signal }: LegContext): Promise<SettledHead | undefined> {
  if (!memory) return undefined
  return orWarn(warn, 'everything is listed and read, since what is settled is not known', () => memory.head(signal))
}

/** The source as it is read where recon's own database does not answer. */
export function withoutMemory({ custodian, terms, inconsistentLimitMs }: CustodySource): CustodySource {
  return { custodian, terms, inconsistentLimitMs }
}

/** Keeps what a balanced run settled; what cannot be kept is listed again. */
export async function keepSettled(
  { memory }: CustodySource,
  head: SettledHead,
  advance: SettledAdvance | undefined,
  warn: Warn,
  { signal }: LegContext,
): Promise<void> {
  if (memory && advance) await orWarn(warn, 'what is settled was not kept', () => memory.advance(head, advance, signal))
}

/** Does without what recon's own database cannot give, and says so. */
export async function orWarn<T>(warn: Warn, otherwise: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    warn(`${otherwise}: ${error.message}`)
    return undefined
  }
}
