import type { InconclusiveReason } from '../../epoch/verdict.ts'

/** For each reason why nothing could be said, and for one that is not plain from its keys: what to do about it. */
const REMEDIES = {
  'torn-cut': 'the trade-engine stands between two commits of a batch: see whether it runs, and let it replay from its token',
  'horizon-timeout': 'see whether the sink runs and how far it lags; raise horizon.timeout if its usual lag is longer',
  'watermark-conflict': 'see that only one sink writes watermarks, and that it counts distinct rows; recon doctor shows where they stand',
  'store-unreachable': 'see that the server runs and that the URL, the user and the password are right; recon doctor tries each store',
  'schema-mismatch': 'map the tables and columns in recon.yaml, or grant the role what it needs; recon doctor lists what is missing',
  'history-collapsed': 'keep history in a plain MergeTree; what merges have dropped can no longer be proved',
  'epoch-regression':
    'the store went back, as after a failover or a restore: if that is known and right, recon epoch accept --reason "..."',
  'statement-timeout': 'raise the timeout of the check, or look at the durations for the step that is slow',
  cancelled: 'run it again',
  'custodian-inconsistent': 'ask the custodian again; its list and its balance do not belong together yet',
  'detector-blind':
    'the check cannot see what it must see: look at what stands between recon and the stores (proxies, views, rewritten queries)',
  'permission-denied': 'grant the role select, or on ClickHouse readonly=2; recon doctor lists what is missing',
  'snapshot-conflict': 'run it again; on a standby, raise max_standby_streaming_delay',
  'response-truncated': 'run it again; if it stays so, something between here and the store cuts answers off',
  'store-error': 'the message of the store says more; recon doctor may, too',
  'history-rewritten': 'find out who changed the rows named above; if they are right as they are now: recon checkpoint rebuild --all',
} as const satisfies Record<InconclusiveReason | 'history-rewritten', string>

/** What to do about a run; undefined where the run itself says all there is, and for a reason that this version does not know. */
export function remedyFor(reasonCode: string): string | undefined {
  const known: Readonly<Record<string, string>> = REMEDIES
  return Object.hasOwn(known, reasonCode) ? known[reasonCode] : undefined
}
