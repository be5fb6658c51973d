import { epochToJson, formatEpoch } from '../epoch/epoch.ts'
import type { Config } from './config/config.ts'
import { EXIT } from './exit-status.ts'
import { type Io, printLine, say } from './io.ts'
import { withState } from './with-state.ts'

/** `recon epoch accept`: acknowledges that a store went back, so that the epochs seen before no longer bind the runs after. */
export async function epochAcceptCommand(
  { reason, json }: { readonly reason: string; readonly json: boolean },
  config: Config,
  io: Io,
): Promise<number> {
  const accepted = await withState(config, io.signal, state => state.acceptEpoch(reason, io.signal))
  if (json) {
    const { era, acceptedAt, epoch } = accepted
    printLine(
      io,
      JSON.stringify({ schema: 'recon.epoch-acceptance/1', era: era.toString(), acceptedAt, reason, epoch: epochToJson(epoch) }),
    )
  } else {
    say(io, `accepted; the epochs seen until now (${formatEpoch(accepted.epoch) || 'none'}) no longer bind the runs that follow`)
  }
  return EXIT.ok
}
