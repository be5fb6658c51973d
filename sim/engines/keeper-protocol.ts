/** What the parent asks a keeper process to keep, as JSON in the keeper's first argument. */
export interface KeeperOrder {
  readonly command: string
  readonly args: readonly string[]
  /** Runs once, to its end, before the first start: what creates a cluster. Absent where there is nothing to prepare. */
  readonly prepare?: { readonly command: string; readonly args: readonly string[] }
  /** Where both run, entered before the change of user: a folder that the user could not get to is one that it can still be in. */
  readonly cwd?: string
  /** Whom the server and the preparation run as; absent for the current user. */
  readonly user?: { readonly uid: number; readonly gid: number }
  readonly stopSignal: NodeJS.Signals
  readonly stopTimeoutMs: number
  /** Folders that go when the keeper goes. */
  readonly temporaryFolders: readonly string[]
}

/** How a server process ended. */
export interface ServerExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** What the keeper says on its stdout, one JSON object a line. */
export type KeeperEvent =
  | { readonly event: 'started'; readonly pid: number }
  | ({ readonly event: 'exited' } & ServerExit)
  | { readonly event: 'failed'; readonly message: string }

/** The only line that a keeper reads on its stdin; the end of stdin is the other thing it listens to. */
export const startLine = 'start\n'
