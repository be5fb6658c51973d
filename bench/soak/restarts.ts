import type { Clock } from '../../epoch/clock.ts'
import type { Exchange } from '../../sim/exchange/exchange.ts'
import type { CrashPoint, Role } from '../../sim/exchange/messages.ts'
import type { Random } from '../../sim/exchange/random.ts'

/** A process that was killed and came back. */
export interface Restart {
  readonly role: Role
  /** Where in its work it was killed. */
  readonly killed: CrashPoint | 'anywhere'
  /** From its death to its successor being ready. */
  readonly outageMs: number
}

interface Manner {
  readonly role: Role
  readonly point?: CrashPoint
}

const MANNERS: readonly Manner[] = [
  { role: 'trade-engine' },
  { role: 'sink' },
  { role: 'trade-engine', point: 'after-state' },
  { role: 'sink', point: 'after-rows' },
  { role: 'trade-engine', point: 'after-trades' },
  { role: 'sink' },
]
const CALM_MS_MIN = 4_000
const CALM_MS_RANGE = 8_000
const DOWN_MS_MAX = 250

/**
 * Kills the sink and the trade-engine at random moments, as by kill -9, and starts them again a moment later, until the signal aborts; whoever
 * is down then is started before this resolves. Calls `restarted` for each.
 */
export async function keepRestarting(
  exchange: Exchange,
  random: Random,
  clock: Clock,
  signal: AbortSignal,
  restarted: (restart: Restart) => void,
): Promise<void> {
  // Every manner comes up as often as every other, in an order of its own.
  for (let manners: Manner[] = []; ; ) {
    await rest(CALM_MS_MIN + random.below(CALM_MS_RANGE), clock, signal)
    if (signal.aborted) return
    if (manners.length === 0) manners = [...MANNERS]
    const [manner] = manners.splice(random.below(manners.length), 1)
    if (manner !== undefined) restarted(await restart(exchange, manner, random.below(DOWN_MS_MAX), clock))
  }
}

async function restart(exchange: Exchange, { role, point }: Manner, downMs: number, clock: Clock): Promise<Restart> {
  await exchange.crash(role, point)
  const fromMs = clock.monotonicMs()
  await clock.sleep(downMs, new AbortController().signal)
  await exchange.restart(role)
  return { role, killed: point ?? 'anywhere', outageMs: Math.round(clock.monotonicMs() - fromMs) }
}

/** Sleeps, or until the signal aborts. */
async function rest(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  await clock.sleep(ms, signal).catch(error => {
    if (!signal.aborted) throw error
  })
}
