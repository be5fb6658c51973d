import { faultNamed } from '../../sim/faults/catalogue.ts'
import { type CheckName, sees } from '../../sim/faults/expectation.ts'
import type { PlantedDifference } from '../../sim/faults/planted-difference.ts'
import type { PlantedFault } from '../../sim/faults/planted-fault.ts'

/** What a check must say while a planted fault stands: the simulator's knowledge, not the checker's. */
export interface Expected {
  readonly reasonCode: string
  /** The keys that differ, and by how much; undefined where the simulator does not say. */
  readonly differences: readonly PlantedDifference[] | undefined
}

/** What a check must say of a planted fault; undefined where the fault is in nothing that it compares. */
export function expectedOf(planted: PlantedFault, check: CheckName): Expected | undefined {
  const expectation = faultNamed(planted.fault).expect[check]
  if (!sees(expectation)) return undefined
  const told: Readonly<Partial<Record<CheckName, readonly PlantedDifference[]>>> = planted.differences
  return { reasonCode: expectation.reasonCode, differences: told[check] }
}

/** The checks among these that must see a planted fault. */
export function checksThatSee(planted: PlantedFault, checks: readonly CheckName[]): readonly CheckName[] {
  return checks.filter(check => expectedOf(planted, check) !== undefined)
}
