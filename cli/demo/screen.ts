import type { Run } from '../../checks/run.ts'
import type { Pace } from './pace.ts'
import type { Round } from './round.ts'

/** How something that is told stands out. */
export type Tone = 'news' | 'good' | 'bad' | 'doubt'

/** Where the demo shows itself: a terminal that is redrawn in place, or lines one after the other. */
export interface Screen {
  /** Shows that a check has begun; its `round` ends that. */
  readonly checking: (check: string) => void
  readonly round: (round: Round) => void
  /** Tells what happens in one sentence, and under it, where there is one, the evidence. */
  readonly tell: (tone: Tone, sentence: string, finding?: Run) => void
  /** Says of the finding that was told last that it has been repaired. */
  readonly repaired: () => void
  /** Shows how the exchange is doing; called several times a second. */
  readonly tick: (pace: Pace) => void
  /** Leaves the last picture as it is. */
  readonly close: () => void
}
