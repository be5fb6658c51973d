import type { Run } from '../../checks/run.ts'
import type { DemoRun } from './demo-run.ts'
import type { Pace } from './pace.ts'

/** How something that is told stands out. */
export type Tone = 'news' | 'good' | 'bad' | 'doubt'

/** Where the demo shows itself: a terminal that is redrawn in place, or lines one after the other. */
export interface Screen {
  /** Shows that a run of a check has begun; `ran` ends that. */
  readonly began: (check: string) => void
  readonly ran: (demoRun: DemoRun) => void
  /** Tells what happens in one sentence, and under it, where there is one, the evidence. */
  readonly tell: (tone: Tone, sentence: string, finding?: Run) => void
  /** Says of the findings that were told last that they have been repaired. */
  readonly repaired: () => void
  /** Shows how the exchange is doing; called several times a second. */
  readonly tick: (pace: Pace) => void
  /** Leaves the last picture as it is. */
  readonly close: () => void
}

/** The checks of a demo, in the order in which they are shown. */
export interface ShownCheck {
  readonly name: string
  /** Why it cannot be made here; undefined for one that is. */
  readonly leftOut: string | undefined
}
