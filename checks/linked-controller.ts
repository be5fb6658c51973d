/** A controller of its own that also aborts when its parent does. */
export interface LinkedController {
  readonly signal: AbortSignal
  abort(reason: unknown): void
  /** Lets go of the parent, which may live as long as the process. */
  unlink(): void
}

/** Makes a controller that follows `parent` until it is unlinked; AbortSignal.any keeps an entry on the parent for every signal there ever was. */
export function linkController(parent: AbortSignal): LinkedController {
  const controller = new AbortController()
  const follow = () => controller.abort(parent.reason)
  if (parent.aborted) follow()
  else parent.addEventListener('abort', follow, { once: true })
  return {
    signal: controller.signal,
    abort: reason => controller.abort(reason),
    unlink: () => parent.removeEventListener('abort', follow),
  }
}
