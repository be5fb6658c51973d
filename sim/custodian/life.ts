import type { LifeStep, SimOutcome, SimStatus } from './movement.ts'

const WITHDRAWAL_WAY = ['INITIATING', 'NEEDS_APPROVAL', 'INPROGRESS'] as const
const DEPOSIT_WAY = ['INITIATING', 'INPROGRESS'] as const

/** Plans the life of a transaction that begins at `fromMs` and ends `settleMs` later; an end that is undefined never comes. */
export function planLife(way: 'in' | 'out', fromMs: number, settleMs: number, outcome: SimOutcome | undefined): readonly LifeStep[] {
  if (settleMs <= 0 && outcome !== undefined) return [{ status: outcome, fromMs }]
  const states: readonly SimStatus[] = way === 'in' ? DEPOSIT_WAY : WITHDRAWAL_WAY
  const steps = states.map((status, index) => ({ status, fromMs: fromMs + Math.floor((settleMs * index) / states.length) }))
  return outcome === undefined ? steps : [...steps, { status: outcome, fromMs: fromMs + settleMs }]
}

/** The same life up to `atMs`, and then this end. */
export function endLife(life: readonly LifeStep[], outcome: SimOutcome, atMs: number): readonly LifeStep[] {
  return [...life.filter(step => step.fromMs < atMs), { status: outcome, fromMs: atMs }]
}
