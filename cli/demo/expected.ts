import { moneyText, parseMoney } from '../../sim/exchange/fixed-point.ts'
import { faultNamed } from '../../sim/faults/catalogue.ts'
import { type CheckName, sees } from '../../sim/faults/expectation.ts'
import { inKeyOrder, type PlantedDifference } from '../../sim/faults/planted-difference.ts'
import type { PlantedFault } from '../../sim/faults/planted-fault.ts'

/** What a check must say while a planted fault stands: the simulator's knowledge, not the checker's. */
export interface Expected {
  readonly reasonCode: string
  /** The keys that differ, and by how much; undefined where the simulator does not say. */
  readonly differences: readonly PlantedDifference[] | undefined
  /** The facts that must be named beside the keys, by their own keys; undefined where the simulator does not say. */
  readonly findings: readonly Readonly<Record<string, string>>[] | undefined
}

/** What a check must say of a planted fault; undefined where the fault is in nothing that it compares. */
export function expectedOf(planted: PlantedFault, check: CheckName): Expected | undefined {
  const expectation = faultNamed(planted.fault).expect[check]
  if (!sees(expectation)) return undefined
  const { reasonCode } = expectation
  return { reasonCode, differences: differencesFor(planted, check, reasonCode), findings: findingsFor(planted, check, reasonCode) }
}

function differencesFor(planted: PlantedFault, check: CheckName, reasonCode: string): Expected['differences'] {
  if (check === 'omnibus-balances-square') return reasonCode === 'value-mismatch' ? custodyDifferences(planted) : undefined
  const told: Readonly<Partial<Record<CheckName, readonly PlantedDifference[]>>> = planted.differences
  return told[check]
}

/**
 * The custodian is right. Against it stand the balances less the realized PnL, so that a balance which PostgreSQL has too high by so much (or a realized amount
 * which ClickHouse has too low) makes the custodian's side too low by as much: the sum over the accounts of an asset, turned round.
 */
function custodyDifferences({ differences }: PlantedFault): readonly PlantedDifference[] {
  const byAsset = new Map<string, bigint>()
  for (const { key, difference } of differences['transactions-balance']) {
    const asset = key['asset'] ?? ''
    byAsset.set(asset, (byAsset.get(asset) ?? 0n) - parseMoney(difference['balance'] ?? '0'))
  }
  return inKeyOrder(
    [...byAsset]
      .filter(([, units]) => units !== 0n)
      .map(([asset, units]) => ({ kind: 'value', key: { asset }, difference: { custody: moneyText(units) } })),
  )
}

/** A mark is right where positions and transactions are, so that what is wrong with either is wrong of the mark of the same key. */
function findingsFor({ differences }: PlantedFault, check: CheckName, reasonCode: string): Expected['findings'] {
  if (check !== 'pnl-is-zero-sum' || reasonCode !== 'value-mismatch') return undefined
  return differences['position-realized-pnls-balance'].map(({ key }) => key)
}

/** The checks among these that must see a planted fault. */
export function checksThatSee(planted: PlantedFault, checks: readonly CheckName[]): readonly CheckName[] {
  return checks.filter(check => expectedOf(planted, check) !== undefined)
}
