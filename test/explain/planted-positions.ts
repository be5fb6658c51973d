import fc from 'fast-check'
import type { PositionFact } from '../../epoch/fact.ts'

/** What a test has planted in the history of one position, and the executions that an explanation must therefore name. */
export interface PlantedPosition {
  readonly logged: readonly PositionFact[]
  readonly history: readonly PositionFact[]
  readonly expected: readonly { readonly kind: string; readonly execution: string }[]
}

type Vector = readonly [bigint, bigint, bigint]

const FATES = [
  'sound',
  'sound',
  'sound',
  'repeated',
  'lost',
  'not folded',
  'altered once',
  'folded wrongly',
  'conflicting',
  'extra',
  'extra and folded',
] as const

// Odd multiples of different powers, so that no two changes come to the same by chance.
const part = fc.bigInt({ min: 1n, max: 10n ** 20n })
const vector: fc.Arbitrary<Vector> = fc.tuple(part, part, part)
const told = fc.record({ change: vector, wrong: vector, fate: fc.constantFrom(...FATES) })

const SOUND_EVERY = 6

/** Histories of one position with any number of faults in them, at most one for each execution and not more than five without a sound one between them. */
export const plantedPosition: fc.Arbitrary<PlantedPosition> = fc.array(told, { maxLength: 30 }).map(plant)

/** The history of one position whose rows of `lost` executions are not there, folded or not, between two sound ones. */
export function plantedLoss(lost: number, folded: boolean): PlantedPosition {
  const change = (at: number): Vector => [BigInt(at) + 1n, 3n * BigInt(at) + 7n, 0n]
  const fates = ['sound', ...Array.from({ length: lost }, () => (folded ? ('lost' as const) : ('not folded' as const))), 'sound'] as const
  return history(fates.map((fate, at) => ({ change: change(at), wrong: [0n, 0n, 0n], fate })))
}

interface Told {
  readonly change: Vector
  readonly wrong: Vector
  readonly fate: (typeof FATES)[number]
}

function plant(events: readonly Told[]): PlantedPosition {
  return history(events.map((event, at) => (at % SOUND_EVERY === SOUND_EVERY - 1 ? { ...event, fate: 'sound' } : event)))
}

function history(events: readonly Told[]): PlantedPosition {
  const logged: PositionFact[] = []
  const rows: PositionFact[] = []
  const expected: { kind: string; execution: string }[] = []
  let held: Vector = [0n, 0n, 0n]
  for (const [at, { change, wrong, fate }] of events.entries()) {
    const sequence = BigInt(at + 1)
    const execution = `E${at + 1}`
    const row = (values: Vector) => fact(sequence, execution, values)
    const name = (kind: string) => expected.push({ kind, execution })
    const extra = fate === 'extra' || fate === 'extra and folded'
    if (!extra) logged.push(row(change))
    switch (fate) {
      case 'sound':
      case 'repeated':
        held = plus(held, change)
        rows.push(row(held), ...(fate === 'repeated' ? [row(held)] : []))
        break
      case 'lost':
        held = plus(held, change)
        name('missing')
        break
      case 'not folded':
        name('missing')
        break
      case 'altered once':
        held = plus(held, change)
        rows.push(row(plus(held, wrong)))
        name('altered')
        break
      case 'folded wrongly':
        held = plus(plus(held, change), wrong)
        rows.push(row(held))
        name('altered')
        break
      case 'conflicting':
        held = plus(held, change)
        rows.push(row(plus(held, wrong)), row(held))
        name('duplicated')
        break
      default:
        rows.push(row(plus(held, wrong)))
        if (fate === 'extra and folded') held = plus(held, wrong)
        name('extra')
    }
  }
  return { logged, history: rows, expected }
}

function plus(a: Vector, b: Vector): Vector {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

function fact(sequence: bigint, executionId: string, [quantity, cost, realized]: Vector): PositionFact {
  const decimal = (unscaled: bigint) => ({ unscaled, scale: 18 })
  const values = { quantity: decimal(quantity), cost_basis: decimal(cost), realized_pnl: decimal(realized) }
  const ids = { execution_id: executionId }
  return { stream: 'dropcopy', sequence, executionId, account: 'A', symbol: 'S', values, time: `at ${sequence}`, ids }
}
