import { text } from 'node:stream/consumers'
import type { CheckJob } from './check-job.ts'
import { doJob } from './do-job.ts'

// One job in a process of its own: reads it from stdin, prints what came of it, with the greatest resident size.
const job: CheckJob = JSON.parse(await text(process.stdin))
const result = await doJob(job)
process.stdout.write(`${JSON.stringify({ ...result, peakBytes: process.resourceUsage().maxRSS * 1024 })}\n`)
