import { type FaultName, faultNamed } from '../../sim/faults/catalogue.ts'
import type { CheckName } from '../../sim/faults/expectation.ts'
import type { PlantedDifference } from '../../sim/faults/planted-difference.ts'
import type { PlantedFault } from '../../sim/faults/planted-fault.ts'
import { escapeText } from '../terminal/escape.ts'
import type { DemoRun } from './demo-run.ts'
import { type Expected, expectedOf } from './expected.ts'
import { counted, epochText, listed, shortDuration } from './figures.ts'
import { keyText } from './finding.ts'

/** The first proof, explained. */
export function tellFirstProof({ run, eventsApart, unpinnedDifferences }: DemoRun): string {
  const apart =
    eventsApart === undefined ? '' : ` PostgreSQL was then ${counted(eventsApart, 'event')} ahead of what ClickHouse was known to show, so`
  const naive =
    unpinnedDifferences === undefined || unpinnedDifferences === 0n
      ? ''
      : ` A comparison that does not wait would have called ${counted(unpinnedDifferences, 'key')} different, every one of them falsely.`
  return `${run.check} is balanced at one epoch, ${epochText(run.epoch)}: ${counted(run.keysCompared, 'key')} agree to the last digit.${apart} the check waited ${shortDuration(run.horizon.waitedMs)} until ClickHouse had come as far, and compared exactly there.${naive}`
}

/** What the custodian's check allowed for, the first time. */
export function tellFirstCustody({ run }: DemoRun): string {
  const kinds = new Map<string, number>()
  for (const { kind } of run.explained ?? []) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  const explained = [...kinds].map(([kind, count]) => `${count} ${kind}`)
  const allowed = explained.length === 0 ? '' : `; allowed for, each by name: ${listed(explained)}`
  return `${run.check} is balanced at ${epochText(run.epoch)}: of ${counted(run.keysCompared, 'asset')} the custodian holds exactly what the books say${allowed}.`
}

/** The first cycle of marks that was proved. */
export function tellFirstCycle({ run }: DemoRun): string {
  return `${run.check} is balanced: ${run.reason}.`
}

/** What is about to be done to the exchange. */
export function tellPlanting(name: FaultName): string {
  return `Now a fault is planted, behind the back of the checks. ${name}: ${faultNamed(name).summary}.`
}

/** What was done, and what each check that must see it must find, by the simulator's own record. */
export function tellPlanted(planted: PlantedFault, mustSee: readonly CheckName[]): string {
  const records = mustSee.map(check => {
    const expected = expectedOf(planted, check)
    const names = expected?.differences?.map(differenceText) ?? expected?.findings?.map(keyText) ?? []
    return names.length === 0 ? check : `${check} ${names.join(' and ')}`
  })
  return `Fault planted: ${planted.fault} at dropcopy event ${planted.event}. By the simulator's own record it must be found by ${records.join('; ')}.`
}

/** Such as `account_id A17, asset USD, balance -0.1`. */
function differenceText({ key, difference }: PlantedDifference): string {
  const values = Object.entries(difference).filter(([, value]) => value !== '0')
  return [keyText(key), ...values.map(([name, value]) => `${name} ${value}`)].join(', ')
}

/** A check found the fault as it was planted. `expected`: what the simulator says beforehand. */
export function tellFound({ run }: DemoRun, afterMs: number, roundsSince: number, expected: Expected | undefined): string {
  const when = roundsSince === 0 ? 'in its very next run' : `${roundsSince + 1} rounds after it`
  const keys = expected?.differences && run.mismatchCount !== '0'
  const exactly = keys
    ? ` Key, sign and every digit are what was planted, and no other of the ${counted(run.keysCompared, 'key')} is named.`
    : expected?.findings
      ? ' What it names is what was planted, and nothing else.'
      : ''
  return `Fault found ${shortDuration(afterMs)} later by ${run.check}, ${when}: ${run.reason}.${exactly}`
}

/** All have found it that must; what the others say is as true. */
export function tellFoundByAll(others: readonly string[]): string {
  const rest =
    others.length === 0
      ? ''
      : ` Balanced as before, for the fault is in nothing that ${others.length === 1 ? 'it compares' : 'they compare'}: ${listed(others)}.`
  return `Every check that must see the fault has found it.${rest}`
}

/** A fault that stands does not go away by itself. */
export function tellStillThere({ run }: DemoRun): string {
  return `${run.check} at ${epochText(run.epoch)} says the same: what is wrong stays wrong, however far the books move on.`
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

/** The books agree again, as each of these checks says. */
export function tellBalancedAgain(checks: readonly string[], afterMs: number): string {
  return `Balanced again ${shortDuration(afterMs)} after the repair, to the last digit: ${listed(checks)}.`
}

/** A check that could not be made. */
export function tellInconclusive({ run }: DemoRun): string {
  return `${run.check} could not check (${run.reasonCode}): ${escapeText(run.reason)}. That is neither a pass nor a difference; the next round tries again.`
}

/** A check that cannot be made here at all. */
export function tellLeftOut(check: string, reason: string): string {
  return `${check} is left out: ${reason}.`
}

/** A check said what is not so. */
export function tellWrong(why: string): string {
  return `WRONG: ${why}. Unless somebody else has changed the books, this is a bug in recon or in its simulator; please report it with what follows:`
}
