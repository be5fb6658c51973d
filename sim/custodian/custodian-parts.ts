import { randomUUID } from 'node:crypto'
import { ReconError } from '../../epoch/recon-error.ts'
import { parseMoney } from '../exchange/fixed-point.ts'
import { purposes, randomAt, seedWords } from '../exchange/random.ts'
import { type CustodianBook, openBook, type SimWallet } from './book.ts'
import { type CustodianHttp, listen, type Sabotage } from './http-server.ts'
import { type MovementMake, makeMovement } from './make-movement.ts'
import type { SimMovement } from './movement.ts'
import { type CustodianOptions, defaultCustodian } from './options.ts'
import { openRateLimit, type RateLimit } from './rate-limit.ts'

/** What a simulated custodian is made of, for those who drive it: the exchange and the faults. */
export interface CustodianParts {
  readonly book: CustodianBook
  readonly http: CustodianHttp
  readonly apiKey: string
  readonly vaults: readonly string[]
  readonly assets: readonly string[]
  readonly rateLimit: RateLimit
  readonly wallMs: () => number
  /** Makes a transaction, without taking it into the book. */
  readonly make: (make: MovementMake) => SimMovement
  /** How many transactions were made. */
  readonly made: () => number
  /** Takes up what an earlier custodian knew, and how many transactions it had made. */
  readonly resume: (movements: readonly SimMovement[], made: number) => void
  readonly sabotage: (how: Sabotage | undefined) => void
}

/** Opens a custodian and starts its server. */
export async function openCustodian(options: CustodianOptions): Promise<CustodianParts> {
  const figures = { ...defaultCustodian, ...options }
  const wallets = walletsOf(figures.vaults, figures.assets, figures.walletsPerAsset, figures.opening)
  const book = openBook(wallets)
  const apiKey = options.apiKey ?? randomUUID()
  const rateLimit = openRateLimit(figures.requestsPerSecond)
  const latency = randomAt(seedWords(figures.seed), purposes.custodian, -1n)
  let sabotage: Sabotage | undefined
  let ordinal = 0
  const http = await listen({
    book,
    vaults: figures.vaults,
    access: { apiKey, ...(options.publicKey === undefined ? {} : { publicKey: options.publicKey }) },
    rateLimit,
    latencyMs: () => figures.latencyMsMin + latency.below(Math.max(1, Math.floor(figures.latencyMsMax - figures.latencyMsMin) + 1)),
    wallMs: figures.wallMs,
    sabotage: () => sabotage,
  })
  return {
    book,
    http,
    apiKey,
    vaults: figures.vaults,
    assets: figures.assets,
    rateLimit,
    wallMs: figures.wallMs,
    make: make => {
      ordinal += 1
      return makeMovement(book, figures, ordinal, make, figures.wallMs())
    },
    made: () => ordinal,
    resume: (movements, made) => {
      book.add(movements)
      ordinal = made
    },
    sabotage: how => {
      sabotage = how
    },
  }
}

/** The opening balance of an asset lies in the first wallet that there is for it. */
function walletsOf(
  vaults: readonly string[],
  assets: readonly string[],
  walletsPerAsset: number,
  opening: Readonly<Record<string, string>>,
): readonly SimWallet[] {
  const unknown = Object.keys(opening).filter(asset => !assets.includes(asset))
  if (unknown.length > 0)
    throw new ReconError('invalid-custodian', `the custodian opens with ${unknown.join(', ')}, which it does not keep`)
  return vaults.flatMap((vault, inVaults) =>
    assets.flatMap(asset =>
      Array.from({ length: walletsPerAsset }, (_, index) => ({
        vault,
        wallet: `${vault}-${asset}-${index + 1}`,
        asset,
        opening: inVaults === 0 && index === 0 ? parseMoney(opening[asset] ?? '0') : 0n,
      })),
    ),
  )
}
