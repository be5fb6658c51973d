import { markFaults } from './mark-entries.ts'
import { positionFaults } from './position-entries.ts'
import { stateFaults } from './state-entries.ts'
import { transactionFaults } from './transaction-entries.ts'

/** Every fault that the simulated exchange can be given, with what each check must make of it. */
export const faultCatalogue = [...transactionFaults, ...stateFaults, ...positionFaults, ...markFaults] as const

/** One entry of the catalogue, its name narrowed to the known ones. */
export type Fault = (typeof faultCatalogue)[number]

/** The names of the catalogue. */
export type FaultName = Fault['name']

/** Every name, in the order of the catalogue. */
export const faultNames: readonly FaultName[] = faultCatalogue.map(fault => fault.name)

/** The entry with this name, or undefined for a name that is not in the catalogue. */
export function findFault(name: string): Fault | undefined {
  return faultCatalogue.find(fault => fault.name === name)
}

/** The entry with this name. */
export function faultNamed(name: FaultName): Fault {
  const fault = findFault(name)
  if (fault === undefined) throw new Error(`no fault is called ${name}`)
  return fault
}
