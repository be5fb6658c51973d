/** When what happens in the demo, in milliseconds from its beginning; infinite where it does not happen. */
export interface Timetable {
  readonly firstFaultMs: number
  /** How long a fault that has been found stays, to be looked at. */
  readonly shownMs: number
  /** When the next fault comes after one that was told to its end at `nowMs`. */
  readonly nextFaultMs: (nowMs: number) => number
  /** Whether the demo is over, the story being told or not. */
  readonly isOver: (nowMs: number, told: boolean) => boolean
}

const FIRST_FAULT_MS_MAX = 25_000
const NEXT_FAULT_MS = 45_000
const SHOWN_MS_MAX = 8_000
/** With less than this there is no time to plant a fault, find it, show it, repair it and check again. */
const STORY_MS_MIN = 10_000
/** How far beyond its end the demo goes to bring the story to its end, on a machine that is slow. */
const GRACE_MS = 60_000

/** Makes the timetable of a demo of `lastsMs`, or of one without end. The first fault comes after a third of the time. */
export function timetable(lastsMs: number | undefined): Timetable {
  const endMs = lastsMs ?? Number.POSITIVE_INFINITY
  return {
    firstFaultMs: endMs < STORY_MS_MIN ? Number.POSITIVE_INFINITY : Math.min(FIRST_FAULT_MS_MAX, endMs / 3),
    shownMs: Math.min(SHOWN_MS_MAX, endMs / 8),
    nextFaultMs: nowMs => (nowMs + NEXT_FAULT_MS + 2 * STORY_MS_MIN <= endMs ? nowMs + NEXT_FAULT_MS : Number.POSITIVE_INFINITY),
    isOver: (nowMs, told) => nowMs >= endMs && (told || nowMs >= endMs + GRACE_MS),
  }
}
