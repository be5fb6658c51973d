import { z } from 'zod'
import { canonicalDecimal, tryParseDecimal } from '../../epoch/decimal.ts'
import { StoreError } from '../../epoch/store-error.ts'

const DIGITS_MAX = 100
const WORDS_MAX = 10_000

const word = z.string().min(1).max(WORDS_MAX)
// Never a number: JSON's would have lost digits before anybody could look at them.
const quantity = z
  .string()
  .max(DIGITS_MAX)
  .refine(text => tryParseDecimal(text) !== undefined && !text.startsWith('-'), 'must be a plain decimal, not negative')
  .transform(canonicalDecimal)
const amount = z.object({ quantity, assetType: word })

/** The states of a transaction, in the words of the custodian's own API. */
export const ANCHORAGE_STATUSES = ['INITIATING', 'NEEDS_APPROVAL', 'INPROGRESS', 'SUCCESS', 'FAILURE', 'REJECTED', 'EXPIRED'] as const

const vaultSchema = z.object({
  data: z.object({
    vaultId: word,
    assets: z.array(z.object({ walletId: word, assetType: word, totalBalance: amount })),
  }),
})

const transactionSchema = z.object({
  id: word,
  transactionType: word,
  status: z.enum(ANCHORAGE_STATUSES),
  amount,
  fee: amount.nullish(),
  assetType: word.nullish(),
  vaultId: word,
  dateTime: z.iso.datetime({ offset: true }).nullish(),
  description: z.string().max(WORDS_MAX).nullish(),
})

const transactionsSchema = z.object({
  data: z.array(transactionSchema),
  page: z.object({ next: word.nullable() }),
})

/** What a vault holds, wallet by wallet; quantities are canonical decimals. */
export type VaultAnswer = z.infer<typeof vaultSchema>['data']
/** One transaction, validated; quantities are canonical decimals. */
export type TransactionAnswer = z.infer<typeof transactionSchema>
/** One page of transactions, newest first, and where the next one is. */
export type TransactionsAnswer = z.infer<typeof transactionsSchema>

/** Where an answer came from, for the words of an error. */
export interface AnswerSource {
  readonly store: string
  /** The path of the request, with its query. */
  readonly path: string
  /** Takes secrets out of words that the other side wrote. */
  readonly redact: (text: string) => string
}

/** Reads the answer to GET /v2/vaults/{id}. Throws `StoreError` `store-error` that names the path and the field. */
export function parseVault(source: AnswerSource, text: string): VaultAnswer {
  return parse(source, vaultSchema, text).data
}

/** Reads a page of GET /v2/transactions. Throws `StoreError` `store-error` that names the path and the field. */
export function parseTransactions(source: AnswerSource, text: string): TransactionsAnswer {
  return parse(source, transactionsSchema, text)
}

/** An answer that makes no sense, as an error that says where. */
export function senseless({ store, path }: AnswerSource, what: string): StoreError {
  return new StoreError(store, 'store-error', `GET ${path}: ${what}`)
}

function parse<T extends z.ZodType>(source: AnswerSource, schema: T, text: string): z.infer<T> {
  const result = schema.safeParse(json(source, text))
  if (result.success) return result.data
  const [issue, ...others] = result.error.issues
  const field = issue === undefined || issue.path.length === 0 ? 'the answer' : fieldName(issue.path)
  const more = others.length > 0 ? ` (and ${others.length} more)` : ''
  throw senseless(source, `${field} makes no sense: ${issue?.message ?? 'unknown'}${more}`)
}

const SHOWN_MAX = 80

function json(source: AnswerSource, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const line = source.redact(text).trim().replace(/\s+/g, ' ')
    const shown = line.length > SHOWN_MAX ? `${line.slice(0, SHOWN_MAX)}...` : line
    throw senseless(source, `the answer is not JSON, or was cut off (${shown || 'it is empty'})`)
  }
}

/** `data[3].amount.quantity` */
function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map(part => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '')
}
