import { addDecimals, formatDecimal, parseDecimal, ZERO } from '../../epoch/decimal.ts'
import type { LegContext } from '../../epoch/leg.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import { StoreError } from '../../epoch/store-error.ts'
import {
  type AnswerSource,
  parseTransactions,
  parseVault,
  senseless,
  type TransactionAnswer,
  type VaultAnswer,
} from './anchorage-answers.ts'
import { movementOf } from './anchorage-movement.ts'
import type { Custodian, CustodianBalance, CustodianMovement, SettledBoundary } from './custodian.ts'
import { jsonClient } from './json-client.ts'
import { requestSigner } from './request-signature.ts'

/** Where a custodian with Anchorage Digital's REST API is, and as whom it is asked. */
export interface AnchorageOptions {
  /** How messages and evidence call it, as `custodian`. */
  readonly name: string
  /** `https://api.anchorage.com`; a path is kept before the API's own. */
  readonly url: string
  readonly apiKey: string
  /** An Ed25519 private key, PEM or its seed as 64 hexadecimal digits; where given, each request is signed. */
  readonly signingKey?: string
  /** The ids of the vaults that together are the custody of the exchange, at least one. */
  readonly vaults: readonly string[]
  /** Bound on one attempt at one request. */
  readonly requestTimeoutMs: number
  /** From 0 to 1, for the jitter of retries. */
  readonly random?: () => number
}

const PAGE_LIMIT = 100
const PAGES_MAX = 100_000

/**
 * A custodian over Anchorage Digital's REST API. Nothing is sent until the first question. A transfer between vaults is listed in both; it is taken from the
 * list of the vault that it names as its own, so that a settled boundary in the other cannot bring it up again. Throws a `ReconError` `invalid-custodian` or
 * `invalid-signing-key` for options that cannot be used; neither it nor any `StoreError` ever holds a key.
 */
export function anchorageCustodian(options: AnchorageOptions): Custodian {
  const base = checkedUrl(options)
  const sign = options.signingKey === undefined ? undefined : requestSigner(options.signingKey)
  const redact = (text: string) => text.replaceAll(options.apiKey, '***')
  const client = jsonClient({
    store: options.name,
    origin: base,
    headers: (path, wallMs) => ({ 'api-access-key': options.apiKey, ...sign?.({ method: 'GET', path, body: '' }, wallMs) }),
    requestTimeoutMs: options.requestTimeoutMs,
    random: options.random ?? Math.random,
    redact,
  })
  const sourceOf = (url: URL): AnswerSource => ({ store: options.name, path: url.pathname + url.search, redact })

  const listVault = async (vault: string, boundary: string | undefined, deadlineMs: number, context: LegContext) => {
    const listed = new Map<string, TransactionAnswer>()
    const asked = new Set<string>()
    let url: URL | undefined = new URL(`${base.href}v2/transactions`)
    url.search = new URLSearchParams({ vaultId: vault, limit: String(PAGE_LIMIT) }).toString()
    while (url !== undefined) {
      const source = sourceOf(url)
      if (asked.has(url.href)) throw senseless(source, 'this page leads back to itself: page.next goes round in circles')
      if (asked.size === PAGES_MAX) throw senseless(source, `the list of vault ${vault} does not end after ${PAGES_MAX} pages`)
      asked.add(url.href)
      const { data, page } = parseTransactions(source, await client.get(url, deadlineMs, context))
      for (const [index, transaction] of data.entries()) {
        assertOneAsset(source, index, transaction)
        if (transaction.id === boundary) return [...listed.values()]
        // Pages change under a reader: what comes a second time is newer knowledge of the same transaction.
        listed.set(transaction.id, transaction)
      }
      url = page.next === null ? undefined : nextPage(source, url, page.next)
    }
    if (boundary === undefined) return [...listed.values()]
    const remedy = 'what was summed as settled is no longer in the list, so nothing can be said until the settled sums are built anew'
    throw new StoreError(
      options.name,
      'store-error',
      `GET /v2/transactions: the list of vault ${vault} ended without ${boundary}: ${remedy}`,
    )
  }

  return {
    store: options.name,
    vaults: options.vaults,
    async balances(deadlineMs, context) {
      const balances: CustodianBalance[] = []
      for (const vault of options.vaults) {
        const url = new URL(`${base.href}v2/vaults/${encodeURIComponent(vault)}`)
        const source = sourceOf(url)
        balances.push(...sumWallets(source, vault, parseVault(source, await client.get(url, deadlineMs, context))))
      }
      return balances
    },
    async movements(settled: readonly SettledBoundary[], deadlineMs, context) {
      const movements = new Map<string, CustodianMovement>()
      for (const vault of options.vaults) {
        const boundary = settled.find(each => each.vault === vault)?.id
        for (const transaction of await listVault(vault, boundary, deadlineMs, context)) {
          const elsewhere = transaction.vaultId !== vault && options.vaults.includes(transaction.vaultId)
          if (!elsewhere && !movements.has(transaction.id)) movements.set(transaction.id, movementOf(transaction, vault, options.vaults))
        }
      }
      return [...movements.values()]
    },
    close: async () => client.close(),
  }
}

/** The URL with a path that ends in a slash. */
function checkedUrl({ url, apiKey, vaults }: AnchorageOptions): URL {
  const wrong = (what: string) => new ReconError('invalid-custodian', what)
  // The URL is not shown: somebody may have put a key into it.
  if (!URL.canParse(url)) throw wrong('the URL of the custodian is not a URL: give one such as https://api.anchorage.com')
  const base = new URL(url)
  if (base.protocol !== 'https:' && base.protocol !== 'http:') throw wrong('the URL of the custodian must begin with https:// (or http://)')
  if (base.username !== '' || base.password !== '' || base.search !== '') {
    throw wrong('the URL of the custodian must hold no login and no query; the API key is given by itself')
  }
  if (!/^[\x21-\x7e]+$/.test(apiKey)) throw wrong('the API key of the custodian must be printable ASCII without blanks, and not empty')
  if (vaults.length === 0 || new Set(vaults).size < vaults.length || vaults.includes('')) {
    throw wrong('the vaults of the custodian must be one or more ids, each once')
  }
  base.hash = ''
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  return base
}

/** Where the list goes on. The key is sent nowhere but to the custodian, whatever an answer says. */
function nextPage(source: AnswerSource, current: URL, next: string): URL {
  if (!URL.canParse(next, current.href)) throw senseless(source, 'page.next is not a URL')
  const url = new URL(next, current)
  url.hash = ''
  if (url.origin !== current.origin || url.username !== '' || url.password !== '') {
    throw senseless(source, `page.next leads away from the custodian, to ${url.origin}`)
  }
  return url
}

function assertOneAsset(source: AnswerSource, index: number, { assetType, amount }: TransactionAnswer): void {
  if (assetType == null || assetType === amount.assetType) return
  throw senseless(source, `data[${index}].assetType is ${assetType} and data[${index}].amount.assetType ${amount.assetType}`)
}

function sumWallets(source: AnswerSource, vault: string, answer: VaultAnswer): readonly CustodianBalance[] {
  if (answer.vaultId !== vault) throw senseless(source, `data.vaultId is ${answer.vaultId}, and vault ${vault} was asked for`)
  const totals = new Map<string, string>()
  const wallets = new Set<string>()
  for (const [index, { walletId, assetType, totalBalance }] of answer.assets.entries()) {
    const field = `data.assets[${index}]`
    if (totalBalance.assetType !== assetType) {
      throw senseless(source, `${field}.totalBalance.assetType is ${totalBalance.assetType} and ${field}.assetType ${assetType}`)
    }
    const wallet = JSON.stringify([walletId, assetType])
    if (wallets.has(wallet)) throw senseless(source, `${field} is wallet ${walletId} a second time`)
    wallets.add(wallet)
    const sum = addDecimals(parseDecimal(totals.get(assetType) ?? formatDecimal(ZERO)), parseDecimal(totalBalance.quantity))
    totals.set(assetType, formatDecimal(sum))
  }
  return [...totals].map(([asset, total]) => ({ vault, asset, total }))
}
