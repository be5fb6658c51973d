import type { Run } from '../../checks/run.ts'
import { type FaultName, faultNamed } from '../../sim/faults/catalogue.ts'
import type { PlantedFault } from '../../sim/faults/planted-fault.ts'
import { escapeName } from '../terminal/escape.ts'

/** The faults of the demo in turn; the first is the one that a tolerance of any size would hide. */
export const STORY_FAULTS: readonly FaultName[] = ['altered-amount-by-1e-18', 'stale-balance', 'wrong-account', 'lost-row', 'sign-flipped']

/** Where the story stands. Milliseconds are counted from the beginning of the demo. */
export type Phase =
  | { readonly kind: 'calm'; readonly plantAtMs: number }
  | { readonly kind: 'planted'; readonly planted: PlantedFault; readonly plantedAtMs: number; readonly checksSince: number }
  | { readonly kind: 'found'; readonly planted: PlantedFault; readonly repairAtMs: number; readonly timesSeen: number }
  | { readonly kind: 'repaired'; readonly repairedAtMs: number }

/** How a run fits into the story. `wrong` is a bug of ours: a difference that nobody planted, or a planted one that was not seen as it is. */
export type Judgement =
  | { readonly kind: 'balanced' | 'found' | 'still-there' | 'balanced-again' | 'inconclusive' }
  | { readonly kind: 'wrong'; readonly why: string }

/** Says whether a run says what is true: the simulator's own record of the fault is the measure, key by key and digit by digit. */
export function judgeRun(phase: Phase, run: Run): Judgement {
  if (run.verdict === 'inconclusive') return { kind: 'inconclusive' }
  const faulty = (phase.kind === 'planted' || phase.kind === 'found') && isAtOrBelow(phase.planted, run)
  if (run.verdict === 'balanced') {
    if (faulty)
      return {
        kind: 'wrong',
        why: `the fault ${phase.planted.fault} stands at event ${phase.planted.event}, and this check did not see it`,
      }
    return { kind: phase.kind === 'repaired' ? 'balanced-again' : 'balanced' }
  }
  if (!faulty)
    return {
      kind: 'wrong',
      why: `this check reports a difference at an epoch where ${phase.kind === 'repaired' ? 'the fault has been repaired' : 'no fault has been planted'}`,
    }
  const { reasonCode } = faultNamed(phase.planted.fault).expect['transactions-balance']
  if (run.reasonCode !== reasonCode)
    return {
      kind: 'wrong',
      why: `the fault ${phase.planted.fault} must be reported as ${reasonCode}, and this check says ${run.reasonCode}`,
    }
  const [said, planted] = [saidBy(run), plantedKeysOf(phase.planted)]
  if (said !== planted) return { kind: 'wrong', why: `what was planted is ${planted}, and this check reports ${said}` }
  return { kind: phase.kind === 'found' ? 'still-there' : 'found' }
}

function isAtOrBelow(planted: PlantedFault, run: Run): boolean {
  return BigInt(run.epoch?.['dropcopy'] ?? '0') >= planted.event
}

function plantedKeysOf({ keys }: PlantedFault): string {
  return keys.map(({ account_id, asset, difference }) => `${escapeName(account_id)}/${escapeName(asset)} ${difference}`).join(', ')
}

function saidBy({ mismatches, mismatchCount }: Run): string {
  const said = mismatches.map(
    ({ key, difference }) => `${escapeName(key['account_id'] ?? null)}/${escapeName(key['asset'] ?? null)} ${difference['balance']}`,
  )
  const more = BigInt(mismatchCount) - BigInt(mismatches.length)
  return [...said, ...(more > 0n ? [`${more} more`] : [])].join(', ')
}
