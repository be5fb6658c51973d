import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { compiledEntry } from '../sim/engines/package-root.ts'
import { type CustodyBooks, openCustodyBooks } from './omnibus/custody-books.ts'
import { describeEngines, startTestEngines } from './support/engines.ts'

let folder: string
let custody: CustodyBooks

async function recon(args: readonly string[], environment: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [compiledEntry('cli/recon.ts'), ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [[status], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  return { status, stdout, stderr }
}

function urls() {
  const { postgresUrl, clickhouseUrl, reconUrl } = custody.books.stores
  return { RECON_POSTGRES_URL: postgresUrl, RECON_CLICKHOUSE_URL: clickhouseUrl, RECON_STATE_URL: reconUrl }
}

function custodianUrls() {
  return { ...urls(), RECON_CUSTODIAN_URL: custody.custodian.url, RECON_CUSTODIAN_API_KEY: custody.custodian.apiKey }
}

const CHECK = ['check', 'omnibus-balances-square', '--json'] as const

describeEngines('recon check omnibus-balances-square', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'recon-omnibus-'))
    custody = await openCustodyBooks(await startTestEngines())
    const [vault = ''] = custody.custodian.vaults
    writeFileSync(
      join(folder, 'recon.yaml'),
      `custodian: { vaults: ${JSON.stringify(custody.custodian.vaults)}, classify: { STAKING_REWARD: in }, opening: { USDC: "0" } }
checks: { omnibus-balances-square: { horizon: { timeout: 2s } } }`,
    )
    custody.custodian.deposit({ asset: 'USD', amount: '10', reference: 'a', vault })
    await custody.book({ id: '1', direction: 'deposit', amount: '10', reference: 'a' })
    custody.custodian.other('STAKING_REWARD', 'in', { asset: 'USD', amount: '0.25', reference: 'reward', vault })
  })
  afterAll(async () => {
    await custody.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('needs a custodian, and says everything that is missing at once', async () => {
    const { status, stdout, stderr } = await recon(CHECK, {})

    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    for (const variable of ['RECON_POSTGRES_URL', 'RECON_CLICKHOUSE_URL', 'RECON_CUSTODIAN_URL', 'RECON_CUSTODIAN_API_KEY']) {
      expect(stderr).toMatch(new RegExp(`${variable}: is not set`))
    }
  })

  it.each([
    ['RECON_CUSTODIAN_URL', 'https://user:secret@custodian.example', /RECON_CUSTODIAN_URL: has a login or a query/],
    ['RECON_CUSTODIAN_API_KEY', 'key with blanks', /RECON_CUSTODIAN_API_KEY: has a blank/],
    ['RECON_CUSTODIAN_SIGNING_KEY', 'not-a-key-secret', /RECON_CUSTODIAN_SIGNING_KEY: is not an Ed25519 private key/],
  ])('refuses a %s that cannot be used, without repeating it', async (variable, value, expected) => {
    const { status, stderr } = await recon(CHECK, { ...custodianUrls(), [variable]: value })

    expect(status).toBe(2)
    expect(stderr).toMatch(expected)
    expect(stderr).not.toMatch(/secret|blanks$/m)
  })

  it('is left out of --all where no custodian is configured, and stderr says so', async () => {
    const { stdout, stderr } = await recon(['check', '--all', '--json'], urls())

    expect(stderr).toMatch(/omnibus-balances-square is left out: RECON_CUSTODIAN_URL is not set/)
    expect(stdout).not.toMatch(/omnibus-balances-square/)
  })

  it('reads the custodian by the configuration, and settles in its own database what is final', async () => {
    const first = await recon(CHECK, custodianUrls())
    expect(first).toMatchObject({ status: 0, stderr: '' })
    expect(JSON.parse(first.stdout)).toMatchObject({
      verdict: 'balanced',
      warnings: [],
      explained: [{ reference: 'reward', kind: 'classified', asset: 'USD', amount: '0.25', ageMs: 0 }],
    })

    const second = await recon(CHECK, custodianUrls())
    expect(second.status).toBe(0)
    expect(JSON.parse(second.stdout)).toMatchObject({
      verdict: 'balanced',
      explained: [{ reference: 'settled', kind: 'classified', amount: '0.25' }],
    })
  })
})
