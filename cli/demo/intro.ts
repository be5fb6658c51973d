import { join } from 'node:path'
import { packageRoot } from '../../sim/engines/package-root.ts'
import type { CheckName } from '../../sim/faults/expectation.ts'
import type { Sandbox } from '../../sim/sandbox/sandbox.ts'
import type { DemoCustodian } from './demo-config.ts'
import { grouped } from './figures.ts'
import { NAME_WIDTH } from './run-columns.ts'

/** What each check proves, in words that fit beside its name. */
const PROVES = {
  'transactions-balance': 'a balance is the sum of its transactions',
  'position-realized-pnls-balance': 'realized PnL is the sum of its transactions',
  'positions-match': 'both stores hold the same positions',
  'omnibus-balances-square': 'the custodian holds what the books say',
  'pnl-is-zero-sum': 'what some have won, others have lost',
} as const satisfies Readonly<Record<CheckName, string>>

/** What an onlooker is told first: what runs, what is proved about it, and how to look at it from another terminal. */
export function introLines(
  sandbox: Pick<Sandbox, 'postgresUrl' | 'clickhouseUrl' | 'reconUrl'> & { readonly clickhouse: { readonly tcpPort: number } },
  exchange: {
    readonly accounts: number
    readonly rate: number
    readonly checks: readonly CheckName[]
    readonly custodian: DemoCustodian | undefined
  },
): readonly string[] {
  // Absolute, for the other terminal stands in a folder of its own.
  const recon = `node ${shellWord(join(packageRoot(), 'dist', 'cli', 'recon.js'))}`
  return [
    `A small exchange is running: ${grouped(exchange.accounts)} accounts, about ${grouped(exchange.rate)} events a second.`,
    '  PostgreSQL  the trade-engine and the cash writer keep the state',
    '  ClickHouse  the sink writes every change 0.2 to 2 s later, some twice',
    ...(exchange.custodian === undefined ? [] : ['  custodian   it settles each deposit and withdrawal up to 2 s late']),
    '',
    'Meanwhile the books are proved right every few seconds:',
    ...exchange.checks.map(check => `  ${check.padEnd(NAME_WIDTH)}  ${PROVES[check]}`),
    '',
    'Nothing is stopped for it. Each run is pinned to one epoch, which is a position',
    'in each stream of events (such as dropcopy=1045 cash=87): it waits until',
    'ClickHouse shows all events up to there, and compares exactly there.',
    '',
    'To look for yourself, paste into another terminal:',
    `  export RECON_POSTGRES_URL=${sandbox.postgresUrl}`,
    `  export RECON_CLICKHOUSE_URL=${sandbox.clickhouseUrl}`,
    `  export RECON_STATE_URL=${sandbox.reconUrl}`,
    ...(exchange.custodian === undefined
      ? []
      : [`  export RECON_CUSTODIAN_URL=${exchange.custodian.url}`, `  export RECON_CUSTODIAN_API_KEY=${exchange.custodian.apiKey}`]),
    `  ${recon} check --all`,
    `  ${recon} history`,
    'and, if you have psql and clickhouse-client:',
    '  psql $RECON_POSTGRES_URL',
    `  clickhouse-client --port ${sandbox.clickhouse.tcpPort} --database ${new URL(sandbox.clickhouseUrl).pathname.slice(1)}`,
    '',
  ]
}

/** A text as one word of a shell: as it is where the shell takes it literally, else in quotes. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
