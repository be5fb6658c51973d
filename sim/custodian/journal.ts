import type { Client } from 'pg'
import { z } from 'zod'
import type { Transfer } from '../exchange/cash-stream.ts'
import type { SimMovement } from './movement.ts'

/** How far a custodian has followed an exchange. */
export interface JournalProgress {
  /** Up to which transfer its deposits have been announced. */
  readonly announced: bigint
  /** Up to which transfer its withdrawals have been taken. */
  readonly taken: bigint
  /** How many transactions were ever made: their ids go by it. */
  readonly made: number
  /** What the books were told to write instead of the stream's own transfers, by their numbers. */
  readonly instead: ReadonlyMap<bigint, Transfer>
}

/** What a custodian knew when it was last stopped, with the order in which it came to know it. */
export interface Journal {
  readonly movements: readonly SimMovement[]
  readonly progress: JournalProgress
}

const nothing: JournalProgress = { announced: 0n, taken: 0n, made: 0, instead: new Map() }

/** Reads what the custodian of a sandbox's exchange knew; empty for one that had none yet. Transactions that a fault has altered are as they were before it. */
export async function readJournal(client: Client): Promise<Journal> {
  await client.query(`
    create table if not exists recon_sandbox.custodian_transactions (ordinal bigint generated always as identity primary key, movement jsonb not null);
    create table if not exists recon_sandbox.custodian_progress (only_one boolean primary key default true check (only_one), progress jsonb not null)`)
  const progress = await client.query<{ progress: string }>('select progress::text from recon_sandbox.custodian_progress')
  const movements = await client.query<{ movement: string }>(
    'select movement::text from recon_sandbox.custodian_transactions as t order by t.ordinal',
  )
  const [stored] = progress.rows
  return {
    movements: movements.rows.map(row => movementSchema.parse(JSON.parse(row.movement))),
    progress: stored === undefined ? nothing : progressSchema.parse(JSON.parse(stored.progress)),
  }
}

/** Appends transactions and moves the progress, in one statement. */
export async function appendToJournal(client: Client, movements: readonly SimMovement[], progress: JournalProgress): Promise<void> {
  await client.query({
    name: 'append-to-journal',
    text: `
      with appended as (
        insert into recon_sandbox.custodian_transactions (movement)
        select movement from jsonb_array_elements($1::jsonb) with ordinality as t (movement, place) order by place)
      insert into recon_sandbox.custodian_progress (progress) values ($2::jsonb)
      on conflict (only_one) do update set progress = excluded.progress`,
    values: [text(movements), text({ ...progress, instead: [...progress.instead] })],
  })
}

function text(value: unknown): string {
  return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? part.toString() : part))
}

const units = z.string().transform(digits => BigInt(digits))
const place = z.object({ vault: z.string(), wallet: z.string() })

const movementSchema = z.object({
  id: z.string(),
  type: z.string(),
  description: z.string(),
  asset: z.string(),
  amount: units,
  fee: units,
  feeAsset: z.string(),
  feeFrom: place.exactOptional(),
  from: place.exactOptional(),
  to: place.exactOptional(),
  life: z.array(
    z.object({
      status: z.enum(['INITIATING', 'NEEDS_APPROVAL', 'INPROGRESS', 'SUCCESS', 'FAILURE', 'REJECTED', 'EXPIRED']),
      fromMs: z.number(),
    }),
  ),
  hiddenUntilMs: z.number(),
})

const transferSchema = z.object({
  transferId: z.string(),
  accountId: z.string(),
  asset: z.string(),
  direction: z.enum(['deposit', 'withdrawal']),
  amount: units,
  custodianReference: z.string(),
})

const progressSchema = z.object({
  announced: units,
  taken: units,
  made: z.number(),
  instead: z.array(z.tuple([units, transferSchema])).transform(entries => new Map(entries)),
})
