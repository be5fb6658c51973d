import { type FaultName, faultNamed } from '../../sim/faults/catalogue.ts'
import type { PlantedFault } from '../../sim/faults/planted-fault.ts'
import { escapeText } from '../terminal/escape.ts'
import { counted, epochText, shortDuration } from './figures.ts'
import { keyText } from './finding.ts'
import type { Round } from './round.ts'

/** The first proof, explained. */
export function tellFirstProof({ run, eventsApart, unpinnedDifferences }: Round): string {
  const apart =
    eventsApart === undefined ? '' : ` PostgreSQL was then ${counted(eventsApart, 'event')} ahead of what ClickHouse was known to show, so`
  const naive =
    unpinnedDifferences === undefined || unpinnedDifferences === 0n
      ? ''
      : ` A comparison that does not wait would have called ${counted(unpinnedDifferences, 'key')} different, every one of them falsely.`
  return `Balanced at one epoch, ${epochText(run.epoch)}: ${counted(run.keysCompared, 'key')} agree to the last digit.${apart} the check waited ${shortDuration(run.horizon.waitedMs)} until ClickHouse had come as far, and compared exactly there.${naive}`
}

/** What is about to be done to the exchange. */
export function tellPlanting(name: FaultName): string {
  return `Now a fault is planted, behind the back of the checks. ${name}: ${faultNamed(name).summary}.`
}

/** What was done, as the simulator recorded it. */
export function tellPlanted({ fault, event, keys }: PlantedFault): string {
  const differences = keys.map(
    ({ account_id, asset, difference }) => `${keyText({ account_id, asset })}, PostgreSQL minus ClickHouse = ${difference}`,
  )
  return `Fault planted: ${fault} at dropcopy event ${event}. The simulator's own record: ${differences.join('; ')}.`
}

/** The fault was found as it was planted. */
export function tellFound({ run }: Round, afterMs: number, checks: number): string {
  const which = checks === 1 ? 'the very next check' : `check ${checks} after it`
  return `Fault found ${shortDuration(afterMs)} later, by ${which}: ${run.reason}. Account, sign and every digit are what was planted, and no other of the ${counted(run.keysCompared, 'key')} is named.`
}

/** A fault that stands does not go away by itself. */
export function tellStillThere({ run }: Round): string {
  return `The check at ${epochText(run.epoch)} says the same: what is wrong stays wrong, however far the books move on.`
}

/** What was healed, and where. */
export function tellRepaired({ fault, remedy }: PlantedFault): string {
  const steps = [
    [remedy?.deleteTransactionIds.length ?? 0, 'transaction deleted from ClickHouse', 'transactions deleted from ClickHouse'],
    [
      remedy?.insertTransactions.length ?? 0,
      'transaction written to it as it should have been',
      'transactions written to it as they should have been',
    ],
    [remedy?.balances.length ?? 0, 'balance set straight in PostgreSQL', 'balances set straight in PostgreSQL'],
  ] as const
  const done = steps.flatMap(([count, one, many]) => (count === 0 ? [] : [`${count} ${count === 1 ? one : many}`]))
  return `Fault repaired: ${fault}: ${done.join(', ')}, while the exchange runs on.`
}

/** The books agree again. */
export function tellBalancedAgain({ run }: Round, afterMs: number): string {
  return `Balanced again at ${epochText(run.epoch)}, ${shortDuration(afterMs)} after the repair: ${counted(run.keysCompared, 'key')} agree to the last digit.`
}

/** A check that could not be made. */
export function tellInconclusive({ run }: Round): string {
  return `Could not check (${run.reasonCode}): ${escapeText(run.reason)}. That is neither a pass nor a difference; the next check tries again.`
}

/** A check said what is not so. */
export function tellWrong(why: string): string {
  return `WRONG: ${why}. Unless somebody else has changed the books, this is a bug in recon or in its simulator; please report it with what follows:`
}
