import type { Verdict } from '../epoch/verdict.ts'
import type { RunRecord } from '../stores/state/run-record.ts'
import type { Config } from './config/config.ts'
import { EXIT } from './exit-status.ts'
import { type Io, printLine, say } from './io.ts'
import { escapeName, escapeText } from './terminal/escape.ts'
import { layOutTable } from './terminal/table.ts'
import { withState } from './with-state.ts'

/** What `recon history` was asked for. */
export interface HistoryOptions {
  readonly check?: string
  readonly verdict?: Verdict
  readonly before?: string
  readonly limit: number
  readonly json: boolean
}

/** `recon history`: the recorded runs, newest first, as a table or as one recon.run/1 document per line. */
export async function historyCommand({ json, ...query }: HistoryOptions, config: Config, io: Io): Promise<number> {
  const runs = await withState(config, io.signal, state => state.history(query, io.signal))
  if (json) {
    for (const { document } of runs) printLine(io, document)
  } else if (runs.length === 0) {
    say(io, 'no run is recorded that fits')
  } else {
    for (const line of table(runs)) printLine(io, line)
  }
  return EXIT.ok
}

function table(runs: readonly RunRecord[]): readonly string[] {
  const titles = ['finished at', 'check', 'verdict', 'reason code', 'epoch', 'run']
  return layOutTable(
    titles.map(title => ({ title, align: 'left' })),
    runs.map(({ finishedAt, check, verdict, reasonCode, epoch, runId }) => [
      finishedAt,
      escapeName(check),
      verdict,
      escapeText(reasonCode),
      epoch === null
        ? '-'
        : Object.entries(epoch)
            .map(([stream, sequence]) => `${escapeName(stream)}=${sequence}`)
            .join(' '),
      escapeName(runId),
    ]),
  )
}
