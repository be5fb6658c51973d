import { explainRun } from '../../checks/explain/explain-run.ts'
import type { Explanation } from '../../checks/explain/explanation.ts'
import { FEE_ACCOUNT } from '../../checks/explain/fee-account.ts'
import { readRecordedRun } from '../../checks/explain/recorded-run.ts'
import { REFERENCE_TABLES } from '../../checks/reference-model.ts'
import type { Run } from '../../checks/run.ts'
import { historyFacts } from '../../stores/clickhouse/history-facts.ts'
import { openLogFacts } from '../../stores/postgres/log-facts.ts'
import { systemClock } from '../../stores/system-clock.ts'
import type { Books } from '../support/books.ts'

const TIMEOUT_MS = 20_000

/** Explains a run of some books, as the command does. */
export async function explainIn(
  books: Books,
  run: Run,
  bounds: { readonly limit?: number; readonly keysMax?: number } = {},
): Promise<Explanation> {
  const context = { signal: AbortSignal.timeout(TIMEOUT_MS), clock: systemClock }
  const { postgres } = books.sources()
  const log = await openLogFacts(
    postgres,
    { tables: REFERENCE_TABLES.postgres, feeAccount: FEE_ACCOUNT, totalTimeoutMs: TIMEOUT_MS },
    context,
  )
  try {
    const history = historyFacts(books.clickhouse, { tables: REFERENCE_TABLES.clickhouse, rowsMax: 20_000 }, context)
    const recorded = readRecordedRun(JSON.stringify(run))
    return await explainRun(recorded, async () => ({ log, history }), { limit: 20, keysMax: 20, factsMax: 1_000_000, ...bounds })
  } finally {
    await log.close()
  }
}
