/** The states of a transaction at the simulated custodian; the last four are ends, and only SUCCESS has moved money. */
export type SimStatus = 'INITIATING' | 'NEEDS_APPROVAL' | 'INPROGRESS' | SimOutcome

/** How a transaction can end. */
export type SimOutcome = 'SUCCESS' | 'FAILURE' | 'REJECTED' | 'EXPIRED'

/** From when on a transaction is in a state, in milliseconds since 1970. */
export interface LifeStep {
  readonly status: SimStatus
  readonly fromMs: number
}

/** A place that money lies in. */
export interface WalletPlace {
  readonly vault: string
  readonly wallet: string
}

/** A transaction of the simulated custodian: its whole life is planned when it is made, so its state is a function of the clock. */
export interface SimMovement {
  readonly id: string
  /** DEPOSIT, WITHDRAW, TRANSFER, or any other word. */
  readonly type: string
  readonly description: string
  readonly asset: string
  /** In units of 10^-18, above zero. */
  readonly amount: bigint
  /** In units of 10^-18; leaves `feeFrom` on top of the amount. */
  readonly fee: bigint
  readonly feeAsset: string
  readonly feeFrom?: WalletPlace
  /** Where the money leaves; absent for what comes from outside. */
  readonly from?: WalletPlace
  /** Where the money arrives; absent for what goes outside. */
  readonly to?: WalletPlace
  /** In the order of time; at least one. */
  readonly life: readonly LifeStep[]
  /** Until then the list does not show it, though the balance may hold it; in milliseconds since 1970. */
  readonly hiddenUntilMs: number
  /** It never was, as far as the custodian knows: neither listed nor counted. */
  readonly gone?: boolean
}

/** The state of a transaction at a moment. */
export function statusAt({ life }: SimMovement, wallMs: number): SimStatus {
  return life.findLast(step => step.fromMs <= wallMs)?.status ?? 'INITIATING'
}

/** When a transaction has ended by `wallMs`, or undefined while it has not. */
export function endedAt(movement: SimMovement, wallMs: number): number | undefined {
  const last = movement.life.findLast(step => step.fromMs <= wallMs)
  return last !== undefined && isOutcome(last.status) ? last.fromMs : undefined
}

/** Tells the ends from the states on the way to them. */
export function isOutcome(status: SimStatus): status is SimOutcome {
  return status === 'SUCCESS' || status === 'FAILURE' || status === 'REJECTED' || status === 'EXPIRED'
}

/** What a transaction changes once it is SUCCESS, wallet by wallet, in units of 10^-18. */
export function effectsOf({ from, to, amount, fee, feeFrom }: SimMovement): readonly { readonly wallet: string; readonly units: bigint }[] {
  return [
    ...(from === undefined ? [] : [{ wallet: from.wallet, units: -amount }]),
    ...(to === undefined ? [] : [{ wallet: to.wallet, units: amount }]),
    ...(feeFrom === undefined || fee === 0n ? [] : [{ wallet: feeFrom.wallet, units: -fee }]),
  ]
}

/** The vault that a transaction names as its own: the one that the money leaves, or else arrives in. */
export function ownVault({ from, to }: SimMovement): string {
  return (from ?? to)?.vault ?? ''
}
