import { spawn } from 'node:child_process'
import type { BuiltinCheckName, CustodyCheckName } from '../checks/builtin.ts'
import type { Run } from '../checks/run.ts'
import { compiledEntry } from '../sim/engines/package-root.ts'

/** What is measured in a process of its own: a check of the product by its name, or the audit. */
export type JobSubject = BuiltinCheckName | CustodyCheckName | 'history-audit'

/** Where it reads, and where what was verified is kept; without `stateUrl` every run reads everything. */
export interface JobStores {
  readonly postgresUrl: string
  readonly clickhouseUrl: string
  readonly stateUrl?: string
  readonly clickhouseStateUrl?: string
  readonly custodian?: { readonly url: string; readonly apiKey: string; readonly vaults: readonly string[] }
}

/** One run; with `keep` it makes checkpoints out of what it verified. */
export interface CheckJob {
  readonly subject: JobSubject
  readonly stores: JobStores
  readonly keep?: boolean
}

/** What came of it; `wallMs` is the run's own time, without the start of the process. */
export interface JobResult {
  readonly run: Run
  readonly wallMs: number
  readonly peakBytes: number
  /** How many rows ClickHouse read meanwhile, for whomever: what a run costs, however busy the machine is. */
  readonly rowsRead: number
  /** What each history did where it was to be kept, in words, and how long they took. */
  readonly kept?: { readonly words: readonly string[]; readonly ms: number }
}

/** Does a job: in a process of its own where times and memory count. */
export type DoJob = (job: CheckJob) => Promise<JobResult>

/** Runs a check or the audit; throws where that does not come out balanced. */
export async function measureRun(work: DoJob, subject: JobSubject, stores: JobStores, keep = false): Promise<JobResult> {
  const result = await work({ subject, stores, keep })
  const { verdict, reasonCode, reason } = result.run
  if (verdict !== 'balanced') throw new Error(`the books are balanced, but ${subject} says: ${verdict} ${reasonCode}: ${reason}`)
  return result
}

/** Does a job in a process of its own, so that its memory and its time are its own. */
export async function inOwnProcess(job: CheckJob): Promise<JobResult> {
  const child = spawn(process.execPath, [compiledEntry('bench/check-process.ts')], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve, reject) => child.once('close', resolve).once('error', reject))
  child.stdin.end(JSON.stringify(job))
  const parts: Buffer[] = []
  for await (const part of child.stdout) parts.push(part)
  const status = await ended
  if (status !== 0) throw new Error(`the process of ${job.subject} ended with ${status}`)
  const result: JobResult = JSON.parse(Buffer.concat(parts).toString())
  return result
}
