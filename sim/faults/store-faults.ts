import { withPostgres } from '../engines/postgres-client.ts'
import { INSURANCE_ACCOUNT } from '../exchange/accounts.ts'
import { moneyText, parseMoney } from '../exchange/fixed-point.ts'
import type { PlannedFault } from './planned-fault.ts'
import { type PlantedPart, plainPart } from './planted-fault.ts'

/** The account that phantom-account makes up. */
export const PHANTOM_ACCOUNT = 'PHANTOM "X"\n'

/** The symbol that phantom-position makes up a position in. */
export const PHANTOM_SYMBOL = 'PHANTOM-PERP'

const PHANTOM_BALANCE = '1234.567890123456789012'
const ASSET = 'USD'

/** True for the faults that happen in the stores themselves, behind everybody's back. */
export function isStoreFault(fault: PlannedFault): boolean {
  return ['missing-account', 'phantom-account', 'missing-position', 'phantom-position'].includes(fault.name)
}

/** Commits such a fault in the incumbent. */
export async function plantStoreFault(postgresUrl: string, fault: PlannedFault): Promise<PlantedPart> {
  return withPostgres(postgresUrl, async client => {
    if (fault.name === 'phantom-position') {
      await client.query('insert into trade_engine.positions values ($1, $2, 0, 0, 0, $3)', [
        PHANTOM_ACCOUNT,
        PHANTOM_SYMBOL,
        fault.event.toString(),
      ])
      return plainPart(fault)
    }
    if (fault.name === 'missing-position') {
      const { accountId, symbol } = fault.position ?? {}
      const { rowCount } = await client.query('delete from trade_engine.positions where account_id = $1 and symbol = $2', [
        accountId,
        symbol,
      ])
      if (rowCount !== 1) throw new Error(`${accountId} has no ${symbol} position that could vanish`)
      return plainPart(fault)
    }
    if (fault.name === 'phantom-account') {
      await client.query('insert into accounts.balances (account_id, asset, balance, dropcopy_sequence) values ($1, $2, $3, $4)', [
        PHANTOM_ACCOUNT,
        ASSET,
        PHANTOM_BALANCE,
        fault.event.toString(),
      ])
      return part(fault, PHANTOM_ACCOUNT, parseMoney(PHANTOM_BALANCE), 'missing-right')
    }
    const { rows } = await client.query<{ balance: string }>(
      'delete from accounts.balances where account_id = $1 and asset = $2 returning balance::text',
      [INSURANCE_ACCOUNT, ASSET],
    )
    const balance = rows[0]?.balance
    if (balance === undefined) throw new Error(`${INSURANCE_ACCOUNT} has no ${ASSET} balance that could vanish`)
    return part(fault, INSURANCE_ACCOUNT, -parseMoney(balance), 'missing-left')
  })
}

function part(fault: PlannedFault, accountId: string, units: bigint, missing: 'missing-left' | 'missing-right'): PlantedPart {
  return {
    ...plainPart(fault),
    differences: [{ accountId, asset: ASSET, units, missing }],
    balances: [{ account_id: accountId, asset: ASSET, add: moneyText(-units), remove: missing === 'missing-right' }],
  }
}
