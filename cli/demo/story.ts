import type { Run } from '../../checks/run.ts'
import type { FaultName } from '../../sim/faults/catalogue.ts'
import type { CheckName } from '../../sim/faults/expectation.ts'
import type { PlantedFault } from '../../sim/faults/planted-fault.ts'
import { escapeName } from '../terminal/escape.ts'
import { expectedOf } from './expected.ts'

/**
 * The first fault of the demo: one that a tolerance of any size would hide, and that most of the checks must see. What it leads to is known only by folding
 * all events from the first, so it is no fault for later.
 */
const FIRST_FAULT: FaultName = 'altered-realized-pnl-transaction'
/** Those after it, again and again. Of each what is wrong stays in the sums, however far the exchange goes on. */
const LATER_FAULTS: readonly FaultName[] = ['stale-balance', 'wrong-account', 'sign-flipped', 'lost-row']

/** The faults of the demo, each once. */
export const STORY_FAULTS: readonly FaultName[] = [FIRST_FAULT, ...LATER_FAULTS]

/** The fault that comes after so many others. */
export function storyFault(before: number): FaultName {
  return before === 0 ? FIRST_FAULT : (LATER_FAULTS[(before - 1) % LATER_FAULTS.length] ?? FIRST_FAULT)
}

/** Where the story stands. Milliseconds are counted from the beginning of the demo. */
export type Phase =
  | { readonly kind: 'calm'; readonly plantAtMs: number }
  /** `foundBy`: the checks that have seen it so far. `roundsSince`: rounds that have ended since it was planted. */
  | {
      readonly kind: 'planted'
      readonly planted: PlantedFault
      readonly plantedAtMs: number
      readonly roundsSince: number
      readonly foundBy: readonly CheckName[]
    }
  /** Every check that must see it has. `toldAgain`: it was said that it is still there. */
  | { readonly kind: 'found'; readonly planted: PlantedFault; readonly repairAtMs: number; readonly toldAgain: boolean }
  /** `balanced`: the checks that have found the books balanced since. */
  | { readonly kind: 'repaired'; readonly repairedAtMs: number; readonly balanced: readonly CheckName[] }

/** How a run fits into the story. `wrong` is a bug of ours: a difference that nobody planted, or a planted one that was not seen as it is. */
export type Judgement =
  | { readonly kind: 'balanced' | 'found' | 'still-there' | 'balanced-again' | 'inconclusive' }
  | { readonly kind: 'wrong'; readonly why: string }

/** Says whether a run says what is true: the simulator's own record of the fault is the measure, key by key and digit by digit. */
export function judgeRun(phase: Phase, check: CheckName, run: Run): Judgement {
  if (run.verdict === 'inconclusive') return { kind: 'inconclusive' }
  const planted = (phase.kind === 'planted' || phase.kind === 'found') && isAtOrBelow(phase.planted, run) ? phase.planted : undefined
  const expected = planted && expectedOf(planted, check)
  if (run.verdict === 'balanced') {
    if (planted && expected) return wrong(`the fault ${planted.fault} stands at event ${planted.event}, and ${check} did not see it`)
    return { kind: phase.kind === 'repaired' ? 'balanced-again' : 'balanced' }
  }
  if (!planted) return wrong(`${check} reports a difference at an epoch where ${nothingIsWrong(phase)}`)
  if (!expected) return wrong(`${check} reports a difference, and the fault ${planted.fault} is in nothing that it compares`)
  const { reasonCode, differences, findings } = expected
  if (run.reasonCode !== reasonCode)
    return wrong(`${check} must report the fault ${planted.fault} as ${reasonCode}, and says ${run.reasonCode}`)
  const [said, right] = [differencesText(run.mismatches, run.mismatchCount), differences && differencesText(differences)]
  if (right !== undefined && said !== right) return wrong(`what was planted is ${right}, and ${check} reports ${said}`)
  const [named, rightNames] = [namesOf(run.findings.map(({ key }) => key)), findings && namesOf(findings)]
  if (rightNames !== undefined && named !== rightNames) return wrong(`what was planted is ${rightNames}, and ${check} names ${named}`)
  const seenBefore = phase.kind === 'found' || (phase.kind === 'planted' && phase.foundBy.includes(check))
  return { kind: seenBefore ? 'still-there' : 'found' }
}

function wrong(why: string): Judgement {
  return { kind: 'wrong', why }
}

function nothingIsWrong(phase: Phase): string {
  return phase.kind === 'repaired' ? 'the fault has been repaired' : 'no fault has been planted'
}

function isAtOrBelow(planted: PlantedFault, run: Run): boolean {
  return BigInt(run.epoch?.['dropcopy'] ?? '0') >= planted.event
}

interface Difference {
  readonly key: Readonly<Record<string, string | null>>
  readonly difference: Readonly<Record<string, string>>
}

function namesOf(keys: readonly Readonly<Record<string, string | null>>[]): string {
  return keys.map(key => Object.values(key).map(escapeName).join('/')).join(', ') || 'nothing'
}

/** Keys and their differences in one line, as `A17/USD balance -0.1`; those that are counted and not listed are counted here, too. */
function differencesText(differences: readonly Difference[], count = String(differences.length)): string {
  const texts = differences.map(({ key, difference }) => {
    const values = Object.entries(difference).filter(([, value]) => value !== '0')
    return [Object.values(key).map(escapeName).join('/'), ...values.map(([name, value]) => `${name} ${value}`)].join(' ')
  })
  const more = BigInt(count) - BigInt(differences.length)
  return [...texts, ...(more > 0n ? [`${more} more`] : [])].join(', ') || 'no key'
}
