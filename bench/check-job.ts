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

/** One thing to do. `keep` makes checkpoints out of what that run verified. */
export interface CheckJob {
  readonly subject: JobSubject
  readonly stores: JobStores
  readonly keep?: Run
}

/** What came of it; `wallMs` is the work's own time, without the start of the process. */
export interface JobResult {
  readonly wallMs: number
  readonly peakBytes: number
  /** Of a run. */
  readonly run?: Run
  /** What each history of a check that was kept did, in words. */
  readonly kept?: readonly string[]
}

/** Runs a check or the audit in a process of its own, so that its memory and its time are its own; throws where that does not come out balanced. */
export async function measureRun(subject: JobSubject, stores: JobStores): Promise<JobResult & { readonly run: Run }> {
  const { run, ...result } = await inOwnProcess({ subject, stores })
  if (run?.verdict !== 'balanced')
    throw new Error(`the books are balanced, but ${subject} says: ${run?.verdict} ${run?.reasonCode}: ${run?.reason}`)
  return { ...result, run }
}

/** Makes checkpoints out of what a run verified, in a process of its own. */
export function measureKeeping(subject: JobSubject, stores: JobStores, keep: Run): Promise<JobResult> {
  return inOwnProcess({ subject, stores, keep })
}

async function inOwnProcess(job: CheckJob): Promise<JobResult> {
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
