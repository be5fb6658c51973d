import type { Relation } from '../../checks/relation.ts'
import type { CountedRows, Horizon } from '../../epoch/horizon.ts'
import type { AsOfLeg, AsOfReading, Capture, SnapshotLeg } from '../../epoch/leg.ts'

/** Checkers each of which leaves out one part of the primitive. A model that lets any of them pass is blind. */
export const WRONG_CHECKERS: Readonly<Record<string, (relation: Relation) => Relation>> = {
  'takes torn cuts for whole ones': onCapture(capture => ({ ...capture, stamps: {} })),
  'reads the rows in another transaction than the epoch': onLeft(leg => ({
    ...leg,
    capture: async context => {
      const first = await leg.capture(context)
      await first.discard()
      return { ...(await leg.capture(context)), epoch: first.epoch, stamps: first.stamps }
    },
  })),
  'takes the epoch for one event later than it is': onCapture(capture => ({
    ...capture,
    epoch: { ...capture.epoch, dropcopy: (capture.epoch['dropcopy'] ?? 0n) + 1n },
  })),
  'does not wait for the horizon': onRight(leg => ({
    ...leg,
    awaitHorizon: async (epoch, _deadlineMs, context) => {
      const reply = await leg.awaitHorizon(epoch, 0, context)
      return reply.kind === 'behind' ? { kind: 'reached', horizon: { strategy: 'settle', table: 'transactions', at: epoch } } : reply
    },
  })),
  'reads up to the horizon instead of the epoch': onRight(leg => ({
    ...leg,
    read: (_epoch, horizon, context) => leg.read(horizon.at, horizon, context),
  })),
  'believes what it has read to be complete': onCounts((counted, horizon) =>
    horizon.strategy === 'watermark' ? { ...counted, facts: horizon.rowsTotal, addresses: horizon.rowsTotal } : counted,
  ),
  'counts deliveries instead of facts': onCounts(counted => ({
    ...counted,
    addresses: { ...counted.addresses, dropcopy: counted.rows - (counted.addresses['cash'] ?? 0n) },
    facts: { ...counted.facts, dropcopy: counted.rows - (counted.facts['cash'] ?? 0n) },
  })),
  'takes two facts under one address for two deliveries': onCounts(counted => ({ ...counted, facts: counted.addresses })),
  'picks one of two watermarks that disagree': onRight(leg => ({
    ...leg,
    awaitHorizon: async (epoch, deadlineMs, context) => {
      const reply = await leg.awaitHorizon(epoch, deadlineMs, context)
      if (reply.kind !== 'conflict') return reply
      return { kind: 'reached', horizon: { strategy: 'settle', table: reply.table, at: epoch } }
    },
  })),
  'gives up on late rows at once': onRight(leg => ({ ...leg, awaitChange: async () => false })),
  'takes a replica that lags for one that has lost rows': onRight(leg => ({ ...leg, isCaughtUp: async () => true })),
  'reads streams only as far as the other side has them by number': onRight(leg => ({
    ...leg,
    read: (epoch, horizon, context) => leg.read({ ...epoch, cash: epoch['dropcopy'] ?? 0n }, horizon, context),
  })),
  'never gives a transaction back': onCapture(capture => ({ ...capture, discard: async () => undefined })),
}

function onLeft(change: (leg: SnapshotLeg) => SnapshotLeg): (relation: Relation) => Relation {
  return relation => (relation.left.kind === 'snapshot' ? { ...relation, left: change(relation.left) } : relation)
}

function onRight(change: (leg: AsOfLeg) => AsOfLeg): (relation: Relation) => Relation {
  return relation => (relation.right.kind === 'as-of' ? { ...relation, right: change(relation.right) } : relation)
}

function onCapture(change: (capture: Capture) => Capture): (relation: Relation) => Relation {
  return onLeft(leg => ({ ...leg, capture: async context => change(await leg.capture(context)) }))
}

function onCounts(change: (counted: CountedRows, horizon: Horizon) => CountedRows): (relation: Relation) => Relation {
  return onRight(leg => ({
    ...leg,
    read: (epoch, horizon, context): AsOfReading => {
      const reading = leg.read(epoch, horizon, context)
      return { lines: reading.lines, counted: () => change(reading.counted(), horizon) }
    },
  }))
}
