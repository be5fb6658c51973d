import type { Epoch } from '../epoch/epoch.ts'
import type { AsOfLeg, Leg, LegContext, SnapshotLeg } from '../epoch/leg.ts'
import { ReconError } from '../epoch/recon-error.ts'
import type { RowShape } from '../epoch/row.ts'

/** Where a relation without a snapshot leg takes its epoch from: how far the authoritative engine has folded the streams. */
export interface EpochSource {
  readonly store: string
  readEpoch(context: LegContext): Promise<Epoch>
}

/** Two legs that must agree at one epoch. Every check, and every table of the gate, is one. */
export interface Relation {
  readonly name: string
  /** What it proves, in one sentence. */
  readonly description: string
  readonly shape: RowShape
  readonly left: Leg
  readonly right: Leg
  /** Needed exactly where neither leg is a snapshot. */
  readonly epoch?: EpochSource
}

/** A relation as its author writes it. */
export interface RelationDefinition {
  readonly name: string
  readonly description: string
  readonly keys: readonly string[]
  readonly values: readonly string[]
  /** Where values are sums: a key with the value zero and a key that is absent are the same. Default false. */
  readonly aggregating?: boolean
  readonly left: Leg
  readonly right: Leg
  readonly epoch?: EpochSource
}

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

/**
 * Declares a relation; the built-in checks and everybody's own are made by it alike.
 * Throws `ReconError` with code `invalid-relation`, naming everything that is wrong with the definition at once.
 */
export function defineRelation(definition: RelationDefinition): Relation {
  const { name, description, keys, values, aggregating = false, left, right, epoch } = definition
  const fields = [...keys, ...values]
  const snapshots = [left, right].filter(leg => leg.kind === 'snapshot').length
  const problems = [
    NAME.test(name) ? '' : `the name must be lower-case words joined by hyphens, such as "transactions-balance"`,
    keys.length === 0 ? 'at least one key is needed, since rows are matched by key' : '',
    values.length === 0 ? 'at least one value is needed, since there is nothing to compare' : '',
    new Set(fields).size < fields.length ? `keys and values must have different names: ${fields.join(', ')}` : '',
    snapshots === 2 ? 'two snapshot legs stand at two epochs and cannot be compared; make one of them an as-of leg' : '',
    snapshots === 0 && !epoch ? 'two as-of legs need `epoch`, the source that says at which epoch to compare them' : '',
    snapshots === 1 && epoch ? 'a snapshot leg brings its own epoch; leave `epoch` out' : '',
  ].filter(problem => problem !== '')
  if (problems.length > 0) throw new ReconError('invalid-relation', `relation ${JSON.stringify(name)}: ${problems.join('; ')}`)
  return { name, description, shape: { keys, values, aggregating }, left, right, ...(epoch ? { epoch } : {}) }
}

/** The leg that brings the epoch, if one does. */
export function snapshotLegOf({ left, right }: Relation): SnapshotLeg | undefined {
  return left.kind === 'snapshot' ? left : right.kind === 'snapshot' ? right : undefined
}

/** The legs that answer as of an epoch, left before right. */
export function asOfLegsOf({ left, right }: Relation): readonly AsOfLeg[] {
  return [left, right].filter(leg => leg.kind === 'as-of')
}
