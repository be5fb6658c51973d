import { ReconError } from '../../epoch/recon-error.ts'
import type { SeenEpoch } from '../../stores/state/epochs.ts'
import type { RecordableRun } from '../../stores/state/run-record.ts'
import type { State } from '../../stores/state/state.ts'
import type { Config } from '../config/config.ts'
import { type Io, say } from '../io.ts'
import { escapeLines } from '../terminal/escape.ts'
import { openConfiguredState } from '../with-state.ts'

/**
 * Recon's own database as a check uses it: it may be unset or out of reach, and the check goes on. What that costs is said on stderr, and
 * changes no exit status. No method rejects, except for bugs.
 */
export interface Recorder {
  /** Recon's own database, for what else is kept there; undefined where it is unset or out of reach. */
  readonly state: State | undefined
  /** The epochs seen before, to be asked for before a run captures its own; undefined where they are not known. */
  seenBefore(): Promise<SeenEpoch | undefined>
  record(run: RecordableRun, era: bigint | undefined): Promise<void>
  close(): Promise<void>
}

/** How long an ended run may take to be recorded; the signal that cancelled the run does not cancel that. */
const RECORD_TIMEOUT_MS = 10_000

/** Connects to recon's own database if it is configured. */
export async function openRecorder({ stores: { stateUrl, connectTimeoutMs } }: Config, io: Io): Promise<Recorder> {
  if (stateUrl === undefined)
    return { state: undefined, seenBefore: async () => undefined, record: async () => undefined, close: async () => undefined }
  const state = await attempt(io, 'the runs will not be recorded, and epoch-regression cannot be judged', () =>
    openConfiguredState(stateUrl, connectTimeoutMs, io.signal),
  )
  return {
    state,
    seenBefore: async () => state && (await attempt(io, 'epoch-regression cannot be judged', () => state.highestEpochs(io.signal))),
    record: async (run, era) => {
      if (state) await attempt(io, `run ${run.runId} was not recorded`, () => recordRun(state, run, era))
    },
    close: async () => state?.close(),
  }
}

function recordRun(state: State, run: RecordableRun, era: bigint | undefined): Promise<boolean> {
  return state.recordRun(run, era, AbortSignal.timeout(RECORD_TIMEOUT_MS))
}

/** Does without what recon's own database cannot give, and says so. */
async function attempt<T>(io: Io, otherwise: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    const expected = error instanceof ReconError || (error instanceof DOMException && error.name === 'TimeoutError')
    if (!expected) throw error
    say(io, `warning: ${otherwise}: ${escapeLines(error.message)}`)
    return undefined
  }
}
