import type { LegContext } from '../../epoch/leg.ts'
import { StoreError } from '../../epoch/store-error.ts'
import { type AnchorageOptions, anchorageCustodian } from '../../stores/custodian/anchorage.ts'
import type { Custodian, CustodianBalance, CustodianMovement, SettledBoundary } from '../../stores/custodian/custodian.ts'
import { systemClock } from '../../stores/system-clock.ts'

/** An adapter together with the patience of one test. */
export interface Asking extends AsyncDisposable {
  readonly adapter: Custodian
  balances(deadlineMs?: number, signal?: AbortSignal): Promise<readonly CustodianBalance[]>
  movements(settled?: readonly SettledBoundary[], deadlineMs?: number, signal?: AbortSignal): Promise<readonly CustodianMovement[]>
}

const PATIENCE_MS = 10_000

/** Opens an adapter for the custodian at `url`; both vaults of the simulated custodian unless told otherwise. */
export function asking(options: Pick<AnchorageOptions, 'url' | 'apiKey'> & Partial<AnchorageOptions>): Asking {
  const adapter = anchorageCustodian({
    name: 'custodian',
    vaults: ['vault-1', 'vault-2'],
    requestTimeoutMs: 5_000,
    random: () => 0.5,
    ...options,
  })
  return {
    adapter,
    balances: (deadlineMs, signal) => adapter.balances(...patience(deadlineMs, signal)),
    movements: (settled = [], deadlineMs, signal) => adapter.movements(settled, ...patience(deadlineMs, signal)),
    [Symbol.asyncDispose]: () => adapter.close(),
  }
}

function patience(deadlineMs = PATIENCE_MS, signal: AbortSignal = new AbortController().signal): [number, LegContext] {
  return [systemClock.monotonicMs() + deadlineMs, { signal, clock: systemClock }]
}

/** What a question was refused with; fails where it was answered, or failed otherwise. */
export async function refusalOf(question: Promise<unknown>): Promise<StoreError> {
  const error = await question.then(
    () => new Error('it was answered'),
    error => error,
  )
  if (error instanceof StoreError) return error
  throw new Error('a StoreError was expected', { cause: error })
}
