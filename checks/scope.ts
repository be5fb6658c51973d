import type { LegContext } from '../epoch/leg.ts'
import { ReconError } from '../epoch/recon-error.ts'

/** A context that owns what is opened in it. */
export interface Scope extends LegContext {
  /** Registers how to release something; called once, after the scope's signal has aborted, last registered first. */
  defer(release: () => Promise<unknown>): void
}

/**
 * Runs `work` in a scope of its own. When it settles, whichever way, the scope's signal aborts and everything that was registered is
 * released and awaited: nothing that was started inside goes on outside. An error of a release is told only where `work` itself succeeded.
 */
export async function withScope<T>(context: LegContext, work: (scope: Scope) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const releases: (() => Promise<unknown>)[] = []
  const scope: Scope = {
    clock: context.clock,
    signal: AbortSignal.any([context.signal, controller.signal]),
    defer: release => {
      releases.push(release)
    },
  }
  let result: T
  try {
    result = await work(scope)
  } catch (error) {
    await releaseAll(controller, releases)
    throw error
  }
  const [failure] = await releaseAll(controller, releases)
  if (failure) throw failure.reason
  return result
}

async function releaseAll(
  controller: AbortController,
  releases: readonly (() => Promise<unknown>)[],
): Promise<readonly PromiseRejectedResult[]> {
  controller.abort(new ReconError('finished', 'the scope has ended'))
  const failures: PromiseRejectedResult[] = []
  for (const release of releases.toReversed()) {
    const [settled] = await Promise.allSettled([release()])
    if (settled?.status === 'rejected') failures.push(settled)
  }
  return failures
}
