/** What PostgreSQL keeps a log of, by stream; funding, settlement and whatever else moves a balance it does not. */
export const LOGGED_EFFECTS: Readonly<Record<string, readonly string[]>> = {
  dropcopy: ['realized_pnl', 'fee'],
  cash: ['deposit', 'withdrawal'],
}

/** Whether PostgreSQL keeps a log of what a row says. */
export function isLoggedEffect({ stream, effect }: { readonly stream: string; readonly effect: string }): boolean {
  return Object.hasOwn(LOGGED_EFFECTS, stream) && (LOGGED_EFFECTS[stream]?.includes(effect) ?? false)
}
