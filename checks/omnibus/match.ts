import { AssetSums } from './asset-sums.ts'
import { type CustodianGap, gapsOf } from './consistency.ts'
import type { Explained } from './explained.ts'
import type { OmnibusFacts, OmnibusTerms } from './facts.ts'
import type { Finding } from './finding.ts'
import { type MovementMatch, matchMovements } from './match-movements.ts'
import { matchTransfers, type TransferMatch } from './match-transfers.ts'
import { type Pairing, pairByReference } from './pairing.ts'

/** What one asset comes to on both sides, exact decimal text. */
export interface AssetCustody {
  readonly asset: string
  /** What the custodian holds. */
  readonly custodian: string
  /** Opening, plus balances, minus realized PnL, plus what is explained. */
  readonly books: string
}

/** The custodian's answer matched with the books, movement by movement. */
export interface OmnibusMatch {
  readonly custody: readonly AssetCustody[]
  readonly explained: readonly Explained[]
  readonly findings: readonly Finding[]
  /** Where the custodian contradicts itself; what is matched says nothing there. */
  readonly gaps: readonly CustodianGap[]
  readonly unbooked: MovementMatch['unbooked']
  readonly pairing: Pairing
  readonly refundOf: TransferMatch['refundOf']
}

/** How the sums of settled movements are called among what is explained. */
export const SETTLED_REFERENCE = 'settled'

/**
 * The identity of design section 4: custodian = opening + balances - realized PnL, save for what is on its way and what is explained by name. Pure:
 * every difference that is neither shows as an asset whose two sides differ, as a finding, or as both.
 */
export function matchOmnibus(facts: OmnibusFacts, terms: OmnibusTerms): OmnibusMatch {
  const transfers = [...facts.settled.transfers, ...facts.transfers]
  const pairing = pairByReference([...facts.settled.movements, ...facts.movements], transfers)
  const { inFlightLimitMs } = terms
  const ofTransfers = matchTransfers(transfers, pairing, { atMs: facts.atMs, inFlightLimitMs })
  const ofMovements = matchMovements(facts, pairing, terms)
  const explained = [...ofTransfers.explained, ...ofMovements.explained, ...explainedBySettled(facts)]
  return {
    custody: custodyOf(facts, terms, explained),
    explained,
    findings: [...pairing.findings, ...ofTransfers.findings, ...ofMovements.findings],
    gaps: gapsOf(facts, terms),
    unbooked: ofMovements.unbooked,
    pairing,
    refundOf: ofTransfers.refundOf,
  }
}

function explainedBySettled({ settled: { sums } }: OmnibusFacts): readonly Explained[] {
  const fees = new AssetSums()
  for (const [asset, amount] of Object.entries(sums.fees)) fees.subtract(asset, amount)
  const entries = (kind: Explained['kind'], amounts: Readonly<Record<string, string>>) =>
    Object.entries(amounts)
      .filter(([, amount]) => amount !== '0')
      .map(([asset, amount]) => ({ reference: SETTLED_REFERENCE, kind, asset, amount, ageMs: 0 }))
  return [...entries('network-fee', fees.toJson()), ...entries('classified', sums.classified)]
}

function custodyOf({ balances, books }: OmnibusFacts, { opening }: OmnibusTerms, explained: readonly Explained[]): readonly AssetCustody[] {
  const [left, right] = [new AssetSums(), new AssetSums()]
  for (const { asset, total } of balances) left.add(asset, total)
  for (const [asset, amount] of Object.entries(opening)) right.add(asset, amount)
  for (const { asset, balances: sum, realizedPnl } of books) {
    right.add(asset, sum)
    right.subtract(asset, realizedPnl)
  }
  for (const { asset, amount } of explained) right.add(asset, amount)
  const assets = [...new Set([...left.assets, ...right.assets])]
  return assets.map(asset => ({ asset, custodian: left.of(asset), books: right.of(asset) }))
}
