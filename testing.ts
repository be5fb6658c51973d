/**
 * recon-engine for test suites: generators of everything that the primitive meets, a clock whose time is driven, stores in memory that show and hide rows as the real
 * ones do, and histories of a small exchange to check while they happen. fast-check does the generating. docs/library.md is the guide.
 */

// The faults that the simulated exchange and its custodian can be given.
export { allFaults, faultGroups } from './sim/faults/all-faults.ts'
export {
  type Fault,
  type FaultName,
  faultCatalogue,
  faultNamed,
  faultNames,
  findFault,
} from './sim/faults/catalogue.ts'
export type { DescribedFault } from './sim/faults/catalogue-entry.ts'
export { type CheckName, checkNames, type FaultExpectation, type FaultExpectations, type FaultReason } from './sim/faults/expectation.ts'
// Generators.
export {
  type ArbitraryCut,
  arbitraryAccountName,
  arbitraryCut,
  arbitraryDecimal,
  arbitraryEpoch,
  arbitraryRows,
  arbitrarySequence,
  arbitrarySpelling,
} from './sim/testing/arbitraries.ts'
export { arbitraryHistory, type HistoryBounds } from './sim/testing/arbitrary-history.ts'
// Whole exchange histories.
export {
  BALANCES,
  type EngineStep,
  type ExchangeHistory,
  HISTORY_STREAMS,
  type HistoryFault,
  type HistoryStream,
  type SinkStep,
} from './sim/testing/exchange-history.ts'

// Stores in memory.
export { amountsOf, type Fact, keyText } from './sim/testing/fact.ts'
export { type MemoryHistory, type MemoryHistoryOptions, memoryHistory, type WrittenWatermark } from './sim/testing/memory-history.ts'
export { type MemoryState, type MemoryStateOptions, memoryState, type StateChange, type StateRow } from './sim/testing/memory-state.ts'
// Running properties, and time.
export { parameters } from './sim/testing/parameters.ts'
export type { PlayLog } from './sim/testing/play.ts'
export { type Playing, type PlayOptions, playHistory } from './sim/testing/play-history.ts'
export { atOnce, type Operation, type RoundTrip } from './sim/testing/round-trip.ts'
export { type VirtualClock, virtualClock } from './sim/testing/virtual-clock.ts'
