import { generateKeyPairSync } from 'node:crypto'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { type SimCustodian, startCustodian } from '../sim/custodian/custodian.ts'
import type { CustodianOptions } from '../sim/custodian/options.ts'
import { anchorageCustodian } from '../stores/custodian/anchorage.ts'
import { retryAfterMs } from '../stores/custodian/retry-after.ts'
import { asking, refusalOf } from './custodian/asking.ts'
import { type Answer, type ScriptedServer, startScripted } from './custodian/scripted-server.ts'
import { EXPIRED_CERTIFICATE, TEST_KEY } from './support/certificates.ts'
import { until } from './support/until.ts'

const KEY = 'key-that-nobody-may-see'
const open: (() => PromiseLike<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function custodian(options: CustodianOptions = {}): Promise<SimCustodian> {
  const sim = await startCustodian({
    latencyMsMin: 0,
    latencyMsMax: 2,
    settleMsMin: 0,
    settleMsMax: 0,
    feeOneIn: 0,
    apiKey: KEY,
    ...options,
  })
  open.push(sim.stop)
  return sim
}

async function scripted(answer: (path: string, request: number) => Answer): Promise<ScriptedServer> {
  const server = await startScripted(answer)
  open.push(() => server[Symbol.asyncDispose]())
  return server
}

function adapterOf(options: Parameters<typeof asking>[0]) {
  const asked = asking(options)
  open.push(() => asked[Symbol.asyncDispose]())
  return asked
}

const row = (id: string, more: object = {}) => ({
  id,
  transactionType: 'DEPOSIT',
  status: 'SUCCESS',
  amount: { quantity: '1', assetType: 'USD' },
  assetType: 'USD',
  vaultId: 'vault-1',
  dateTime: '2026-01-01T00:00:00.000Z',
  description: '',
  blockchainTxId: '',
  ...more,
})
const page = (data: readonly unknown[], next: string | null = null) => ({ body: { data, page: { next } } })
const vault = (quantity: unknown) => ({
  body: {
    data: {
      vaultId: 'vault-1',
      name: 'v',
      assets: [{ walletId: 'w', assetType: 'USD', availableBalance: {}, totalBalance: { quantity, assetType: 'USD' } }],
    },
  },
})

describe('what the adapter reads', () => {
  it('sums the wallets of each vault and asset, exactly', async () => {
    const sim = await custodian({ walletsPerAsset: 3, opening: { USD: '0.000000000000000001' } })
    for (let each = 1; each <= 12; each++) {
      sim.deposit({ asset: 'USD', amount: '1000000000000.000000000000000001', reference: `d${each}`, vault: 'vault-1' })
    }
    sim.deposit({ asset: 'USDC', amount: '2.50', reference: 'u', vault: 'vault-2' })
    const balances = await adapterOf(sim).balances()
    expect(balances).toEqual([
      { vault: 'vault-1', asset: 'USD', total: '12000000000000.000000000000000013' },
      { vault: 'vault-1', asset: 'USDC', total: '0' },
      { vault: 'vault-2', asset: 'USD', total: '0' },
      { vault: 'vault-2', asset: 'USDC', total: '2.5' },
    ])
  })

  it('gives every movement in the words of the port: kinds, states, fees and what ties them to a transfer', async () => {
    const nowMs = Date.UTC(2026, 0, 2)
    const sim = await custodian({ opening: { USD: '100', USDC: '5' }, wallMs: () => nowMs, settleMsMin: 0 })
    sim.deposit({ asset: 'USD', amount: '10', reference: 'r1', carriedAs: 'id', vault: 'vault-1' })
    sim.withdraw({ asset: 'USD', amount: '3', reference: 'r2', carriedAs: 'description', fee: '0.01', vault: 'vault-1' })
    sim.withdraw({ asset: 'USD', amount: '4', reference: 'r3', carriedAs: 'description', settleMs: 1_000, vault: 'vault-1' })
    sim.withdraw({ asset: 'USD', amount: '5', reference: 'r4', carriedAs: 'description', outcome: 'EXPIRED', vault: 'vault-1' })
    sim.withdraw({ asset: 'USD', amount: '6', reference: 'r5', carriedAs: 'id', fee: '2', feeAsset: 'USDC', vault: 'vault-1' })
    sim.other('STAKING_REWARD', 'in', { asset: 'USDC', amount: '7', reference: 'reward', carriedAs: 'description', vault: 'vault-1' })
    const movements = await adapterOf(sim).movements()
    const endedAt = '2026-01-02T00:00:00.000Z'
    const common = {
      vault: 'vault-1',
      asset: 'USD',
      fee: '0',
      feeAsset: 'USD',
      endedAt,
      description: '',
      state: 'success',
      status: 'SUCCESS',
    }
    expect(movements).toEqual([
      {
        ...common,
        id: 'tx-00000006',
        kind: 'other',
        type: 'STAKING_REWARD',
        asset: 'USDC',
        amount: '7',
        feeAsset: 'USDC',
        description: 'reward',
      },
      { ...common, id: 'r5', kind: 'withdrawal', type: 'WITHDRAW', amount: '6', fee: '2', feeAsset: 'USDC' },
      {
        ...common,
        id: 'tx-00000004',
        kind: 'withdrawal',
        type: 'WITHDRAW',
        amount: '5',
        state: 'failed',
        status: 'EXPIRED',
        description: 'r4',
      },
      {
        ...common,
        id: 'tx-00000003',
        kind: 'withdrawal',
        type: 'WITHDRAW',
        amount: '4',
        state: 'pending',
        status: 'INITIATING',
        endedAt: null,
        description: 'r3',
      },
      { ...common, id: 'tx-00000002', kind: 'withdrawal', type: 'WITHDRAW', amount: '3', fee: '0.01', description: 'r2' },
      { ...common, id: 'r1', kind: 'deposit', type: 'DEPOSIT', amount: '10' },
    ])
  })

  it('gives a transfer between two vaults once, from the vault that it leaves, though both list it', async () => {
    const sim = await custodian({ opening: { USD: '100' } })
    sim.transfer({ asset: 'USD', amount: '40', reference: 'move', vault: 'vault-1', toVault: 'vault-2' })
    const { balances, movements } = adapterOf(sim)
    for (const id of ['vault-1', 'vault-2']) {
      const list = await fetch(`${sim.url}/v2/transactions?vaultId=${id}`, { headers: { 'api-access-key': KEY } })
      expect(await list.json()).toMatchObject({ data: [{ transactionType: 'TRANSFER', vaultId: 'vault-1' }] })
    }
    expect((await movements()).map(({ kind, vault, amount }) => ({ kind, vault, amount }))).toEqual([
      { kind: 'internal', vault: 'vault-1', amount: '40' },
    ])
    expect((await balances()).filter(({ asset }) => asset === 'USD').map(({ total }) => total)).toEqual(['60', '40'])
  })

  it('takes a transfer from a vault that is not reconciled for a movement from outside', async () => {
    const sim = await custodian({ opening: { USD: '100' } })
    sim.transfer({ asset: 'USD', amount: '40', reference: 'move', vault: 'vault-1', toVault: 'vault-2' })
    const movements = await adapterOf({ ...sim, vaults: ['vault-2'] }).movements()
    expect(movements).toMatchObject([{ kind: 'other', type: 'TRANSFER', vault: 'vault-2', amount: '40' }])
  })

  it('follows the pages to the end, a hundred at a time, and stops at what is settled in each vault', async () => {
    const sim = await custodian()
    for (let each = 1; each <= 250; each++) {
      sim.deposit({ asset: 'USD', amount: '1', reference: `d${each}`, carriedAs: 'id', vault: each % 5 === 0 ? 'vault-2' : 'vault-1' })
    }
    const { movements } = adapterOf(sim)
    const all = await movements()
    expect(sim.status().requests).toBe(3)
    expect(all.map(({ id }) => id).sort()).toEqual(Array.from({ length: 250 }, (_, index) => `d${index + 1}`).sort())
    expect(all[0]?.id).toBe('d249')
    const recent = await movements([
      { vault: 'vault-1', id: 'd241' },
      { vault: 'vault-2', id: 'd250' },
    ])
    expect(recent.map(({ id }) => id)).toEqual(['d249', 'd248', 'd247', 'd246', 'd244', 'd243', 'd242'])
    expect(sim.status().requests).toBe(5)
  })

  it('gives each movement once while new ones come in between its pages', async () => {
    const sim = await custodian({ latencyMsMin: 5, latencyMsMax: 10 })
    const deposit = (each: number) => sim.deposit({ asset: 'USD', amount: '1', reference: `d${each}`, carriedAs: 'id', vault: 'vault-1' })
    for (let each = 1; each <= 500; each++) deposit(each)
    const { movements } = adapterOf({ ...sim, vaults: ['vault-1'] })
    const listing = movements()
    for (let each = 501; sim.status().requests < 5; each++) {
      deposit(each)
      await delay(1)
    }
    const ids = (await listing).map(({ id }) => id)
    expect(sim.movements().length).toBeGreaterThan(500)
    expect(new Set(ids).size).toBe(ids.length)
    for (let each = 1; each <= 500; each++) expect(ids).toContain(`d${each}`)
  })

  it('keeps the newer word of a movement that two pages have', async () => {
    const server = await scripted((_, request) =>
      request === 1
        ? page([row('b', { status: 'INPROGRESS', dateTime: null }), row('a')], '/v2/transactions?vaultId=vault-1&afterId=a')
        : page([row('b')]),
    )
    const movements = await adapterOf({ url: server.url, apiKey: KEY, vaults: ['vault-1'] }).movements()
    expect(movements.map(({ id, status }) => [id, status])).toEqual([
      ['b', 'SUCCESS'],
      ['a', 'SUCCESS'],
    ])
  })
})

describe('how the adapter identifies itself', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const seed = privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32).toString('hex')

  it.each([
    ['a PEM', pem],
    ['a seed in hex', seed],
  ])('signs every request, query and pages included, with %s', async (_, signingKey) => {
    const sim = await custodian({ publicKey: publicPem })
    for (let each = 1; each <= 120; each++) sim.deposit({ asset: 'USD', amount: '1', reference: `d${each}`, vault: 'vault-1' })
    const { balances, movements } = adapterOf({ ...sim, signingKey })
    expect(await balances()).toHaveLength(4)
    expect(await movements()).toHaveLength(120)
  })

  it('is refused for good without a signature, with one of another key, and with another API key, and no message holds a key', async () => {
    const sim = await custodian({ publicKey: publicPem })
    const other = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const wrong = [{}, { signingKey: other }, { signingKey: pem, apiKey: 'another-key' }]
    for (const [index, options] of wrong.entries()) {
      const error = await refusalOf(adapterOf({ ...sim, ...options }).balances())
      expect(error).toMatchObject({ reasonCode: 'permission-denied', store: 'custodian' })
      expect(error.message).toMatch(/\/v2\/vaults\/vault-1: status 401 \(Unauthorized: .*check the API key/)
      expect(error.message).not.toContain(KEY)
      expect(sim.status().requests).toBe(index + 1)
    }
  })

  it('is not made with keys, URLs or vaults that cannot be used', () => {
    const made = (options: object) => () =>
      anchorageCustodian({
        name: 'custodian',
        url: 'https://custodian.invalid',
        apiKey: KEY,
        vaults: ['v'],
        requestTimeoutMs: 1,
        ...options,
      })
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })
    for (const signingKey of ['', 'secret-words', seed.slice(1), rsa]) expect(made({ signingKey })).toThrow(/not an Ed25519 private key/)
    expect(made({ signingKey: 'secret-words' })).not.toThrow(/secret-words/)
    expect(made({ url: `${KEY}` })).toThrow(/is not a URL/)
    expect(made({ url: 'ftp://custodian.invalid' })).toThrow(/must begin with https/)
    expect(made({ url: 'https://user:password@custodian.invalid' })).toThrow(/must hold no login/)
    expect(made({ apiKey: 'two\nlines' })).toThrow(/must be printable/)
    expect(made({ vaults: [] })).toThrow(/one or more ids/)
    expect(made({ vaults: ['v', 'v'] })).toThrow(/each once/)
  })

  it('keeps the path of the URL before its own, and signs it', async () => {
    const server = await scripted(() => vault('1'))
    await adapterOf({ url: `${server.url}/proxy/custodian`, apiKey: KEY, vaults: ['vault-1'] }).balances()
    expect(server.asked[0]?.url).toBe('/proxy/custodian/v2/vaults/vault-1')
  })

  it('hides its key where the other side repeats it', async () => {
    const server = await scripted((_, request) =>
      request === 1
        ? { status: 400, body: { errorType: 'Bad', message: `header ${KEY} is odd` } }
        : { body: `<pre>api-access-key: ${KEY}</pre>` },
    )
    const { balances } = adapterOf({ url: server.url, apiKey: KEY })
    for (const words of [/status 400 \(Bad: header \*\*\* is odd\)/, /is not JSON, or was cut off \(<pre>api-access-key: \*\*\*/]) {
      const error = await refusalOf(balances())
      expect(error.message).toMatch(words)
      expect(error.message).not.toContain(KEY)
    }
  })
})

describe('answers that make no sense', () => {
  const list = async (answer: (path: string, request: number) => Answer, boundary?: string) => {
    const server = await scripted(answer)
    const { movements } = adapterOf({ url: server.url, apiKey: KEY, vaults: ['vault-1'] })
    const error = await refusalOf(movements(boundary === undefined ? [] : [{ vault: 'vault-1', id: boundary }]))
    expect(error.reasonCode).toBe('store-error')
    expect(error.message).toContain('/v2/transactions')
    return { message: error.message, requests: server.asked.length }
  }

  it.each([
    [
      'a number instead of a string',
      { amount: { quantity: 1.5, assetType: 'USD' } },
      /data\[1\]\.amount\.quantity makes no sense: .*expected string, received number/,
    ],
    [
      'a negative quantity',
      { amount: { quantity: '-1', assetType: 'USD' } },
      /data\[1\]\.amount\.quantity makes no sense: must be a plain decimal/,
    ],
    ['an exponent', { fee: { quantity: '1e-9', assetType: 'USD' } }, /data\[1\]\.fee\.quantity makes no sense/],
    ['an endless number', { amount: { quantity: '1'.repeat(101), assetType: 'USD' } }, /data\[1\]\.amount\.quantity makes no sense/],
    ['no amount', { amount: undefined }, /data\[1\]\.amount makes no sense/],
    ['no id', { id: undefined }, /data\[1\]\.id makes no sense/],
    ['an unknown status', { status: 'SETTLED' }, /data\[1\]\.status makes no sense/],
    ['a time that is none', { dateTime: 'yesterday' }, /data\[1\]\.dateTime makes no sense/],
    ['two assets', { assetType: 'EUR' }, /data\[1\]\.assetType is EUR and data\[1\]\.amount\.assetType USD/],
  ])('names the field: %s', async (_, wrong, words) => {
    const { message, requests } = await list(() => page([row('a'), row('b', wrong)]))
    expect(message).toMatch(words)
    expect(requests).toBe(1)
  })

  it('refuses JSON that is cut off, an empty answer, and the page of a proxy', async () => {
    for (const body of ['{"data":[', '', '<html>login</html>']) {
      expect((await list(() => ({ body }))).message).toMatch(/is not JSON, or was cut off/)
    }
    expect((await list(() => ({ body: { data: [] } }))).message).toMatch(/page makes no sense/)
    expect((await list(() => ({ body: [] }))).message).toMatch(/the answer makes no sense/)
  })

  it('refuses pages that go in circles, and a page that is elsewhere, without asking there', async () => {
    const circle = await list((_, request) =>
      page([row(`t${request}`)], request % 2 === 1 ? '/v2/transactions?x=1' : '/v2/transactions?x=0'),
    )
    expect(circle.message).toMatch(/goes round in circles/)
    expect(circle.requests).toBeLessThan(5)
    const elsewhere = await scripted(() => page([]))
    expect((await list(() => page([row('a')], `${elsewhere.url}/v2/transactions`))).message).toMatch(
      /page\.next leads away from the custodian/,
    )
    expect((await list(() => page([row('a')], 'https://user:x@127.0.0.1/v2/transactions'))).message).toMatch(/leads away/)
    expect(elsewhere.asked).toHaveLength(0)
  })

  it('follows an absolute page.next on its own origin', async () => {
    const server: ScriptedServer = await scripted((_, request) =>
      request === 1 ? page([row('b')], `${server.url}/v2/transactions?afterId=b`) : page([row('a')]),
    )
    const movements = await adapterOf({ url: server.url, apiKey: KEY, vaults: ['vault-1'] }).movements()
    expect(movements.map(({ id }) => id)).toEqual(['b', 'a'])
  })

  it('refuses a list that ends without the settled transaction: its sums would be counted twice', async () => {
    expect((await list(() => page([row('a')]), 'gone')).message).toMatch(/ended without gone/)
  })

  it('refuses an answer that is too large, and stops reading it', async () => {
    const { message } = await list(() => ({ body: ' '.repeat(17 * 1024 * 1024) }))
    expect(message).toMatch(/larger than 16777216 bytes/)
  })

  it('follows no redirection', async () => {
    const elsewhere = await scripted(() => page([]))
    const { message } = await list(() => ({ status: 302, headers: { location: `${elsewhere.url}/v2/transactions` } }))
    expect(message).toMatch(/a redirection is not followed/)
    expect(elsewhere.asked).toHaveLength(0)
  })

  it.each([
    ['another vault', { vaultId: 'vault-9', assets: [] }, /data\.vaultId is vault-9, and vault vault-1 was asked for/],
    ['a wallet twice', { vaultId: 'vault-1', assets: [wallet('1'), wallet('1')] }, /data\.assets\[1\] is wallet w a second time/],
    ['a number', { vaultId: 'vault-1', assets: [wallet(1)] }, /data\.assets\[0\]\.totalBalance\.quantity makes no sense/],
    ['no total', { vaultId: 'vault-1', assets: [{ walletId: 'w', assetType: 'USD' }] }, /data\.assets\[0\]\.totalBalance makes no sense/],
  ])('refuses a vault with %s', async (_, data, words) => {
    const server = await scripted(() => ({ body: { data } }))
    const error = await refusalOf(adapterOf({ url: server.url, apiKey: KEY }).balances())
    expect(error).toMatchObject({ reasonCode: 'store-error' })
    expect(error.message).toMatch(words)
  })

  it('tells an unknown vault', async () => {
    const sim = await custodian()
    const error = await refusalOf(adapterOf({ ...sim, vaults: ['vault-9'] }).balances())
    expect(error.reasonCode).toBe('store-error')
    expect(error.message).toMatch(/vaults\/vault-9: status 404 .*check the vault's id/)
  })
})

describe('a custodian that is in trouble', () => {
  it.each([
    ['a 500', { status: 500, body: { errorType: 'Internal', message: 'oops' } }],
    ['a 503', { status: 503 }],
    ['a connection that breaks', { breaks: 'at once' }],
    ['an answer that breaks off', { breaks: 'in the body' }],
    ['a 429 that does not say how long', { status: 429 }],
  ] as const)('is asked again after %s', async (_, trouble) => {
    const server = await scripted((_, request) => (request <= 2 ? trouble : vault('7')))
    const balances = await adapterOf({ url: server.url, apiKey: KEY, vaults: ['vault-1'] }).balances()
    expect(balances).toEqual([{ vault: 'vault-1', asset: 'USD', total: '7' }])
    expect(server.asked).toHaveLength(3)
  })

  it('is waited for as long as it asks to with a 429', async () => {
    const server = await scripted((_, request) => (request === 1 ? { status: 429, headers: { 'retry-after': '1' } } : vault('7')))
    const began = performance.now()
    await adapterOf({ url: server.url, apiKey: KEY, vaults: ['vault-1'] }).balances()
    expect(performance.now() - began).toBeGreaterThanOrEqual(1_000)
    expect(server.asked).toHaveLength(2)
  })

  it('is given up at once when it asks for more time than there is', async () => {
    const later = new Date(Date.now() + 3_600_000).toUTCString()
    for (const after of ['3600', later]) {
      const server = await scripted(() => ({ status: 429, headers: { 'retry-after': after } }))
      const began = performance.now()
      const error = await refusalOf(adapterOf({ url: server.url, apiKey: KEY }).balances(30_000))
      expect(performance.now() - began).toBeLessThan(5_000)
      expect(error.reasonCode).toBe('store-unreachable')
      expect(error.message).toMatch(
        /status 429; the custodian limits the rate of requests; it asks to wait 3(600|599) s, and the deadline is in \d+ ms/,
      )
      expect(server.asked).toHaveLength(1)
    }
  })

  it('reads Retry-After in seconds and as a date, and nothing else', () => {
    const now = Date.UTC(2026, 0, 1)
    expect(retryAfterMs('120', now)).toBe(120_000)
    expect(retryAfterMs('Thu, 01 Jan 2026 00:00:05 GMT', now)).toBe(5_000)
    expect(retryAfterMs('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0)
    for (const odd of [undefined, '', '-1', '1.5', 'soon']) expect(retryAfterMs(odd, now)).toBeUndefined()
  })

  it('is given up at the deadline, saying how often it was asked and what it said last', async () => {
    const server = await scripted(() => ({ status: 502, body: 'bad gateway' }))
    const error = await refusalOf(adapterOf({ url: server.url, apiKey: KEY }).balances(600))
    expect(error.reasonCode).toBe('store-unreachable')
    expect(error.message).toMatch(/status 502 \(bad gateway\); given up after \d+ attempts in \d+ ms/)
    expect(server.asked.length).toBeGreaterThan(1)
  })

  it('is asked again when it does not answer within the time of one request, and given up at the deadline', async () => {
    const server = await scripted((_, request) => (request === 1 ? { breaks: 'never answers' } : vault('7')))
    const balances = await adapterOf({ url: server.url, apiKey: KEY, vaults: ['vault-1'], requestTimeoutMs: 300 }).balances()
    expect(balances).toHaveLength(1)
    const silent = await scripted(() => ({ breaks: 'never answers' }))
    const error = await refusalOf(adapterOf({ url: silent.url, apiKey: KEY, requestTimeoutMs: 60_000 }).balances(400))
    expect(error.message).toMatch(/no answer within \d+ ms; given up after 1 attempt/)
    await until('no connection is left', async () => (await silent.connections()) === 0)
  })

  it('is told to be away when nobody listens up to the deadline', async () => {
    const sim = await custodian()
    await sim.stop()
    const error = await refusalOf(adapterOf(sim).balances(300))
    expect(error.reasonCode).toBe('store-unreachable')
    expect(error.message).toMatch(/ECONNREFUSED.*check that the server runs.*given up after \d+ attempts/)
  })

  it('is left without a connection when the caller gives up, in a request and in a pause', async () => {
    const silent = await scripted((_, request) => (request === 1 ? { breaks: 'never answers' } : { status: 500 }))
    for (const requests of [1, 2]) {
      const ending = new AbortController()
      const asked = adapterOf({ url: silent.url, apiKey: KEY })
      const answer = asked.balances(60_000, ending.signal)
      answer.catch(() => undefined)
      await until('it was asked', () => silent.asked.length >= requests)
      ending.abort(new Error('enough'))
      await expect(answer).rejects.toThrow('enough')
      await asked.adapter.close()
      await until('no connection is left', async () => (await silent.connections()) === 0)
    }
  })

  it('keeps one connection over many requests, and none once it is closed', async () => {
    const sim = await custodian()
    for (let each = 1; each <= 350; each++) sim.deposit({ asset: 'USD', amount: '1', reference: `d${each}`, vault: 'vault-1' })
    const asked = adapterOf(sim)
    await asked.movements()
    expect(await sim.connections()).toBe(1)
    await asked.adapter.close()
    await until('no connection is left', async () => (await sim.connections()) === 0)
  })

  it('says in clear words that a certificate is not accepted, or that no TLS is spoken, and does not ask twice', async () => {
    const server = createHttps({ key: TEST_KEY, cert: EXPIRED_CERTIFICATE }, (_, outgoing) => outgoing.end())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    open.push(() => new Promise(resolve => server.close(() => resolve())))
    const address: AddressInfo | string | null = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const certificate = await refusalOf(adapterOf({ url: `https://localhost:${port}`, apiKey: KEY }).balances())
    expect(certificate.reasonCode).toBe('store-unreachable')
    expect(certificate.message).toMatch(/certificate is not accepted: .*NODE_EXTRA_CA_CERTS/)
    const plain = await scripted(() => vault('1'))
    const handshake = await refusalOf(adapterOf({ url: plain.url.replace('http:', 'https:'), apiKey: KEY }).balances())
    expect(handshake.message).toMatch(/no encrypted connection could be made/)
    expect(plain.asked).toHaveLength(0)
    const tlsAtHttp = await refusalOf(adapterOf({ url: `http://localhost:${port}`, apiKey: KEY }).balances(300))
    expect(tlsAtHttp.reasonCode).toBe('store-unreachable')
  })
})

function wallet(quantity: unknown) {
  return { walletId: 'w', assetType: 'USD', totalBalance: { quantity, assetType: 'USD' } }
}
