import { ReconError } from '../../epoch/recon-error.ts'
import { withPostgres } from '../engines/postgres-client.ts'
import type { MarketSpec } from './market.ts'

const figures = [
  'seed',
  'accounts',
  'symbols',
  'eventsPerTransfer',
  'openingDeposits',
  'markEveryEvents',
  'failingWithdrawalsOneIn',
] as const satisfies readonly (keyof MarketSpec)[]

/**
 * Records which exchange a sandbox holds, or checks that it is this one: the streams of another seed would contradict what is stored. Throws a ReconError
 * `another-exchange`, also for stores that hold trades or transfers which no simulated exchange has written.
 */
export async function claimStores(postgresUrl: string, spec: MarketSpec): Promise<void> {
  await withPostgres(postgresUrl, async client => {
    await client.query(`
      create table if not exists recon_sandbox.exchange (
        only_one boolean primary key default true check (only_one), spec jsonb not null, created_at timestamptz not null default now())`)
    const recorded = await client.query<{ spec: Partial<Record<string, unknown>> }>('select spec from recon_sandbox.exchange')
    const stored = recorded.rows[0]?.spec
    if (stored === undefined) {
      const used = await client.query<{ used: boolean }>(
        'select exists (select from trade_engine.trades) or exists (select from accounts.transfers) as used',
      )
      if (used.rows[0]?.used === true)
        throw new ReconError('another-exchange', 'these stores hold trades or transfers of somebody else. Use an empty sandbox')
      await client.query('insert into recon_sandbox.exchange (spec) values ($1) on conflict do nothing', [JSON.stringify(spec)])
      return
    }
    // A figure that is not recorded is one that was not thought of yet when these stores were claimed.
    const different = figures.filter(name => stored[name] !== undefined && stored[name] !== spec[name])
    if (different.length === 0) return
    const words = different.map(name => `${name} ${JSON.stringify(stored[name])} and not ${JSON.stringify(spec[name])}`).join(', ')
    throw new ReconError(
      'another-exchange',
      `these stores hold a simulated exchange with ${words}. Go on with that one, or use an empty sandbox`,
    )
  })
}
