import type { Relation } from '../../checks/relation.ts'
import type { Epoch } from '../../epoch/epoch.ts'

/** The same relation, which tells of every capture as soon as its epoch is known, before anything is waited for. */
export function observeCaptures(relation: Relation, captured: (epoch: Epoch) => void): Relation {
  const { left } = relation
  if (left.kind !== 'snapshot') throw new Error(`${relation.name} has no capture to observe on its left`)
  const capture: typeof left.capture = async context => {
    const taken = await left.capture(context)
    captured(taken.epoch)
    return taken
  }
  return { ...relation, left: { ...left, capture } }
}
