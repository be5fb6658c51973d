import { ReconError } from '../../epoch/recon-error.ts'
import type { Dropcopy } from '../exchange/dropcopy.ts'
import type { Market } from '../exchange/market.ts'
import { type FaultName, faultNamed } from './catalogue.ts'
import { type PlannedFault, planFault } from './planned-fault.ts'
import { type PlantedFault, type PlantedPart, plantedFrom } from './planted-fault.ts'
import { reachesPositions, replayFault } from './position-replay.ts'
import { isStoreFault, plantStoreFault } from './store-faults.ts'

/** The faults of one exchange: what is planned, and what was committed. */
export interface FaultLog {
  readonly planned: () => readonly PlannedFault[]
  /** Decides what a fault at or after an event happens to; throws a ReconError `fault-beyond-the-end` where nothing suits it up to `last`. */
  readonly plan: (name: FaultName, event: bigint, last: bigint | undefined) => PlannedFault
  /** Takes a fault in that was planned and will happen. */
  readonly take: (fault: PlannedFault) => PlannedFault
  /** Takes down what a process has committed. */
  readonly hear: (part: PlantedPart) => void
  /** Commits the faults of the stores whose event is folded; resolves when they are committed. */
  readonly plantInStores: (token: bigint) => Promise<void>
  /** True when no fault of the stores is still to be committed up to this event. */
  readonly storesPlanted: (through: bigint) => boolean
  /** Whether a part of this fault was committed. */
  readonly isCommitted: (fault: PlannedFault) => boolean
  /** What this fault did, as of this dropcopy sequence; undefined where none of it was committed. */
  readonly plantedBy: (fault: PlannedFault, through: bigint) => PlantedFault | undefined
  /** What was committed; the differences that later events change as of this dropcopy sequence. */
  readonly planted: (through: bigint) => readonly PlantedFault[]
}

/** Opens an empty log. */
export function openFaultLog(market: Market, dropcopy: Dropcopy, postgresUrl: string): FaultLog {
  const planned: PlannedFault[] = []
  const parts = new Map<string, PlantedPart>()
  const inStores = new Map<PlannedFault, 'waiting' | 'begun' | 'done'>()
  const hear = (part: PlantedPart) => {
    parts.set(`${part.fault}/${part.event}/${part.sequence}`, part)
  }
  const plan = (name: FaultName, event: bigint, last: bigint | undefined) => {
    const fault = planFault(market, dropcopy, name, event, last)
    if (last !== undefined && fault.event > last)
      throw new ReconError(
        'fault-beyond-the-end',
        `${name} has nothing to happen to before event ${fault.event}, and the exchange ends at ${last}`,
      )
    return fault
  }
  const take = (fault: PlannedFault) => {
    planned.push(fault)
    if (isStoreFault(fault)) inStores.set(fault, 'waiting')
    return fault
  }
  const plantInStores = async (token: bigint) => {
    for (const [fault, state] of inStores) {
      if (state !== 'waiting' || token < fault.event) continue
      inStores.set(fault, 'begun')
      hear(await plantStoreFault(postgresUrl, fault))
      inStores.set(fault, 'done')
    }
  }
  const partsOf = ({ name, event }: PlannedFault) => [...parts.values()].filter(part => part.fault === name && part.event === event)
  const plantedBy = (fault: PlannedFault, through: bigint): PlantedFault | undefined => {
    const heard = partsOf(fault)
    if (heard.length === 0) return undefined
    if (!reachesPositions(fault.name)) return plantedFrom(fault, heard)
    const replayed = replayFault(dropcopy, fault, through)
    // The effects of a dropped bust are everywhere: setting positions straight would not heal it.
    return plantedFrom(fault, heard, faultNamed(fault.name).repairable ? replayed : { ...replayed, remedies: [] })
  }
  return {
    planned: () => [...planned],
    plan,
    take,
    hear,
    plantInStores,
    storesPlanted: through => [...inStores].every(([fault, state]) => state === 'done' || fault.event > through),
    isCommitted: fault => partsOf(fault).length > 0,
    plantedBy,
    planted: through => planned.flatMap(fault => plantedBy(fault, through) ?? []),
  }
}
