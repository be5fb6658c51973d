import type { CustomRelation } from '../../checks/custom/custom-relation.ts'
import type { MappedTable } from '../../checks/reference-model.ts'

/** Everything that can be configured, validated: what every command reads instead of the environment. Milliseconds are whole numbers. */
export interface Config {
  readonly stores: StoresConfig
  readonly streams: StreamsConfig
  readonly tables: TablesConfig
  readonly capture: { readonly tornCutTimeoutMs: number }
  readonly horizon: HorizonConfig
  readonly checks: Readonly<Record<string, CheckConfig>>
  /** The deployment's own relations, by the names of their checks. */
  readonly relations: Readonly<Record<string, CustomRelation>>
  readonly custodian: CustodianConfig
  readonly audit: { readonly periodMs: number }
  readonly gate: GateConfig
  readonly http: { readonly token: string | undefined }
}

/** Where the stores are; every URL may hold a password, so it comes from the environment or a file of its own, and is never printed whole. */
export interface StoresConfig {
  readonly postgresUrl: string | undefined
  readonly shadowPostgresUrl: string | undefined
  readonly clickhouseUrl: string | undefined
  readonly stateUrl: string | undefined
  readonly clickhouseStateUrl: string | undefined
  readonly connectTimeoutMs: number
}

/** The streams of the deployment: for each, the one-row, one-column select that reads its sequence from PostgreSQL (no row or null: 0). */
export type StreamsConfig = Readonly<Record<string, string>>

/** How the reference tables are called here, by their names in the reference data model. */
export interface TablesConfig {
  readonly postgres: Readonly<Record<'balances' | 'positions' | 'resume_tokens' | 'trades' | 'transfers', MappedTable>>
  readonly clickhouse: Readonly<Record<'transactions' | 'positions' | 'pnl_marks' | 'sink_watermarks', MappedTable>>
}

/** How long, and by what evidence, a check waits for the other leg to have reached its epoch. */
export interface HorizonConfig {
  readonly strategy: HorizonStrategy
  readonly timeoutMs: number
  readonly settleMs: number
}

/** The ways to know that an eventually visible store has reached an epoch. */
export const HORIZON_STRATEGIES = ['watermark', 'settle'] as const
/** One of `HORIZON_STRATEGIES`. */
export type HorizonStrategy = (typeof HORIZON_STRATEGIES)[number]

/** When one check runs, how long it may take, and how many differing keys it names. */
export interface CheckConfig {
  readonly enabled: boolean
  readonly cron: string
  readonly timezone: string
  readonly timeoutMs: number
  readonly maxMismatches: number
  readonly horizon: HorizonConfig
}

/** The custodian and what is tolerated of it; opening balances are exact decimal text by asset. */
export interface CustodianConfig {
  readonly url: string | undefined
  readonly apiKey: string | undefined
  /** An Ed25519 private key; undefined where requests are not signed. */
  readonly signingKey: string | undefined
  readonly vaults: readonly string[]
  readonly opening: Readonly<Record<string, string>>
  /** Which way the types of its transactions go that are neither deposits nor withdrawals nor transfers between the vaults. */
  readonly classify: Readonly<Record<string, 'in' | 'out'>>
  readonly inFlightLimitMs: number
  readonly inconsistentLimitMs: number
}

/** What the go / no-go gate demands. */
export interface GateConfig {
  readonly minEvents: number
  readonly minDurationMs: number
  readonly cleanRounds: number
  readonly maxLagEvents: number
  readonly maxEvidenceAgeMs: number
  readonly maxSealAgeMs: number
  readonly roundIntervalMs: number
  readonly timeoutMs: number
  readonly decisionTtlMs: number
  readonly requiredChecks: readonly string[]
  readonly requiredEventKinds: readonly string[]
  readonly ignoreColumns: Readonly<Record<string, readonly string[]>>
  readonly decisionKey: string | undefined
}
