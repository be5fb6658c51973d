import type { LegContext } from '../epoch/leg.ts'
import { ReconError } from '../epoch/recon-error.ts'
import { linkController } from './linked-controller.ts'

/** A context that owns what is opened in it. */
export interface Scope extends LegContext {
  /** Registers how to release something; called once, after the scope's signal has aborted, last registered first. */
  defer(release: () => Promise<unknown>): void
}

/**
 * Runs `work` in a scope of its own. When it settles, whichever way, the scope's signal aborts and everything that was registered is
 * released and awaited: nothing that was started inside goes on outside. What cannot be released is told to `onFailure`; it changes no result.
 */
export async function withScope<T>(
  context: LegContext,
  onFailure: (error: unknown) => void,
  work: (scope: Scope) => Promise<T>,
): Promise<T> {
  const controller = linkController(context.signal)
  const releases: (() => Promise<unknown>)[] = []
  let ended = false
  const run = async (release: () => Promise<unknown>) => {
    await release().catch(onFailure)
  }
  const scope: Scope = {
    clock: context.clock,
    signal: controller.signal,
    defer: release => {
      // What is opened after the end, by work that had not noticed it yet, is released at once.
      if (ended) void run(release)
      else releases.push(release)
    },
  }
  try {
    return await work(scope)
  } finally {
    controller.abort(new ReconError('finished', 'the scope has ended'))
    for (let release = releases.pop(); release; release = releases.pop()) await run(release)
    ended = true
    controller.unlink()
  }
}
