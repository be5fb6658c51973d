import { join } from 'node:path'
import { packageRoot } from '../../sim/engines/package-root.ts'
import type { Sandbox } from '../../sim/sandbox/sandbox.ts'
import { grouped } from './figures.ts'

/** What an onlooker is told first: what runs, what is proved about it, and how to look at it from another terminal. */
export function introLines(
  sandbox: Pick<Sandbox, 'postgresUrl' | 'clickhouseUrl' | 'reconUrl'> & { readonly clickhouse: { readonly tcpPort: number } },
  exchange: { readonly accounts: number; readonly rate: number },
): readonly string[] {
  // Absolute, for the other terminal stands in a folder of its own.
  const recon = `node ${shellWord(join(packageRoot(), 'dist', 'cli', 'recon.js'))}`
  return [
    `A small exchange is running: ${grouped(exchange.accounts)} accounts, about ${grouped(exchange.rate)} events a second.`,
    '  PostgreSQL  the trade-engine and the cash writer keep the balances',
    '  ClickHouse  the sink writes every transaction 0.2 to 2 s later, some twice',
    '',
    'Meanwhile transactions-balance proves every two seconds that each balance in',
    'PostgreSQL is the sum of its transactions in ClickHouse. Nothing is stopped for',
    'it: it reads the balances at one epoch, which is a position in each stream of',
    'events (such as dropcopy=1045 cash=87), waits until ClickHouse shows all events',
    'up to there, and compares exactly there.',
    '',
    'To look for yourself, paste into another terminal:',
    `  export RECON_POSTGRES_URL=${sandbox.postgresUrl}`,
    `  export RECON_CLICKHOUSE_URL=${sandbox.clickhouseUrl}`,
    `  export RECON_STATE_URL=${sandbox.reconUrl}`,
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
