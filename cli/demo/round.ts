import type { CheckName } from '../../sim/faults/expectation.ts'
import { type DemoRun, type DemoSurroundings, runOnce } from './demo-run.ts'

/** How many checks are under way at once: most of a run is waiting for the sink, and two cores carry the exchange and both stores as well. */
const IN_FLIGHT_MAX = 3

/** Who hears of the runs of a round. */
export interface RoundListener {
  readonly began: (check: CheckName) => void
  readonly ended: (check: CheckName, demoRun: DemoRun) => void
}

/**
 * Runs every check of the demo once, each at an epoch of its own and a few at a time. Resolves when all have ended; the ones that an abort broke off are
 * not told.
 */
export async function runRound(surroundings: DemoSurroundings, { began, ended }: RoundListener): Promise<void> {
  const { checks, io } = surroundings
  const waiting = [...checks]
  const work = async () => {
    for (let check = waiting.shift(); check !== undefined && !io.signal.aborted; check = waiting.shift()) {
      began(check)
      const demoRun = await runOnce(check, surroundings)
      if (!io.signal.aborted) ended(check, demoRun)
    }
  }
  const workers = await Promise.allSettled(Array.from({ length: IN_FLIGHT_MAX }, work))
  for (const worker of workers) if (worker.status === 'rejected') throw worker.reason
  io.signal.throwIfAborted()
}
