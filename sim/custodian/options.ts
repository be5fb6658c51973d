/** How the simulated custodian behaves; everything may be left out. */
export interface CustodianOptions {
  readonly seed?: string
  /** `vault-1` and `vault-2` unless given. */
  readonly vaults?: readonly string[]
  /** The assets that it keeps, USD and USDC unless given; each in every vault. */
  readonly assets?: readonly string[]
  /** How many wallets of one asset a vault has, 2 unless given. */
  readonly walletsPerAsset?: number
  /** What it held before the first transaction, by asset, as decimal text. */
  readonly opening?: Readonly<Record<string, string>>
  /** Generated unless given. */
  readonly apiKey?: string
  /** An Ed25519 public key in PEM; where given, every request must be signed. */
  readonly publicKey?: string
  readonly latencyMsMin?: number
  readonly latencyMsMax?: number
  /** How long a transaction takes from its beginning to its end, unless it says so itself. */
  readonly settleMsMin?: number
  readonly settleMsMax?: number
  /** One withdrawal in so many pays a network fee; 0 for none. */
  readonly feeOneIn?: number
  /** Infinite unless given. */
  readonly requestsPerSecond?: number
  /** Milliseconds since 1970; the machine's clock unless given. */
  readonly wallMs?: () => number
}

/** The behaviour where nothing else is said: 1 to 10 ms to an answer, a fifth of a second to two seconds to settle, a fee at every fifth withdrawal. */
export const defaultCustodian = {
  seed: '1',
  vaults: ['vault-1', 'vault-2'],
  assets: ['USD', 'USDC'],
  walletsPerAsset: 2,
  opening: {},
  latencyMsMin: 1,
  latencyMsMax: 10,
  settleMsMin: 200,
  settleMsMax: 2_000,
  feeOneIn: 5,
  requestsPerSecond: Number.POSITIVE_INFINITY,
  wallMs: () => Date.now(),
} as const satisfies CustodianOptions
