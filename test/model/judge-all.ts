import type { Played } from './interleaving.ts'
import { judgeRun } from './oracle.ts'

/** Everything that is wrong with the runs of an interleaving, and with what they left behind; empty where nothing is. */
export function judgeAll(played: Played): readonly string[] {
  const { runs, world, playing } = played
  const leaks = [
    playing.state.openTransactions > 0 ? 'a transaction was left open' : '',
    playing.history.openReadings > 0 ? 'a reading was left open' : '',
  ].filter(leak => leak !== '')
  return [
    ...leaks,
    ...runs.flatMap((run, at) => judgeRun(run, world).map(problem => `run ${at} at ${JSON.stringify(run.run.epoch)}: ${problem}`)),
  ]
}
