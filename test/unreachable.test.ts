import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { CheckSources } from '../checks/check-sources.ts'
import { connectClickHouse } from '../stores/clickhouse/connection.ts'
import { type Books, openBooks } from './support/books.ts'
import { ELSEWHERE_CERTIFICATE, EXPIRED_CERTIFICATE, TEST_KEY } from './support/certificates.ts'
import { describeEngines, type PrivateEngines, startPrivateEngines } from './support/engines.ts'
import { until } from './support/until.ts'

describeEngines('[P-COULD-NOT-CHECK] a check of stores that cannot be spoken to', () => {
  let engines: PrivateEngines
  let books: Books
  let folder: string
  const servers: Server[] = []

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'recon-unreachable-'))
    writeFileSync(join(folder, 'elsewhere.pem'), ELSEWHERE_CERTIFICATE)
    writeFileSync(join(folder, 'expired.pem'), EXPIRED_CERTIFICATE)
    engines = await startPrivateEngines()
    books = await openBooks(await engines.createStores('unreachable'))
  })
  afterAll(async () => {
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
    await books?.close()
    await engines?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** The run of a check whose PostgreSQL has the parameters in its URL, and no password if that is asked for. */
  const checkPostgres = (parameters: Readonly<Record<string, string>>, change: Partial<Pick<URL, 'password'>> = {}) => {
    const url = Object.assign(new URL(books.stores.postgresUrl), change)
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
    return books.check({}, { postgres: { ...books.sources().postgres, url: url.href } })
  }
  const checkClickHouse = async (url: string) => {
    const changed: Partial<CheckSources> = {
      clickhouse: connectClickHouse({ name: 'clickhouse', url, connectTimeoutMs: 2_000, statementTimeoutMs: 5_000 }),
    }
    const run = await books.check({}, changed)
    await changed.clickhouse?.close()
    return run
  }
  const expectUnreachable = (run: Awaited<ReturnType<typeof checkPostgres>>, says: readonly (string | RegExp)[]) => {
    expect(run).toMatchObject({ verdict: 'inconclusive', reasonCode: 'store-unreachable' })
    for (const words of says) expect(run.reason).toMatch(words)
  }
  const listen = async (server: Server): Promise<number> => {
    servers.push(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const address: AddressInfo | string | null = server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  /** Has PostgreSQL speak TLS with a certificate; its own user writes the files, since it takes a key from nobody else. */
  const servePostgresTls = async (certificate: string) => {
    for (const [file, text] of [
      ['recon-test.crt', certificate],
      ['recon-test.key', TEST_KEY],
    ] as const) {
      const path = `'umask 077; cat > ${file}'`
      await books.pg.query(`copy (select unnest(string_to_array('${text.trim()}', chr(10)))) to program ${path}`)
    }
    await books.pg.query(`alter system set ssl_cert_file = 'recon-test.crt'`)
    await books.pg.query(`alter system set ssl_key_file = 'recon-test.key'`)
    await books.pg.query('alter system set ssl = on')
    await books.pg.query('select pg_reload_conf()')
  }

  it('tells a PostgreSQL that speaks no TLS where the URL asks for it', async () => {
    expectUnreachable(await checkPostgres({ sslmode: 'verify-full' }), ['does not support SSL', 'sslmode=disable'])
  })

  it('tells a password that is missing', async () => {
    expectUnreachable(await checkPostgres({}, { password: '' }), ['password', 'login was refused'])
  })

  it('tells a certificate of PostgreSQL that nobody signed, that is of another host, or that has expired', async () => {
    await servePostgresTls(ELSEWHERE_CERTIFICATE)
    await until('PostgreSQL speaks TLS', async () => (await checkPostgres({ sslmode: 'no-verify' })).verdict === 'balanced')
    expectUnreachable(await checkPostgres({ sslmode: 'verify-full' }), ['DEPTH_ZERO_SELF_SIGNED_CERT', 'sslrootcert=FILE'])
    const elsewhere = { sslmode: 'verify-full', sslrootcert: join(folder, 'elsewhere.pem') }
    expectUnreachable(await checkPostgres(elsewhere), ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate is not accepted'])

    await servePostgresTls(EXPIRED_CERTIFICATE)
    const expired = { sslmode: 'verify-full', sslrootcert: join(folder, 'expired.pem') }
    await until('PostgreSQL shows the other certificate', async () => !/ALTNAME|SELF_SIGNED/.test((await checkPostgres(expired)).reason))
    expectUnreachable(await checkPostgres(expired), ['CERT_HAS_EXPIRED'])
  })

  it('tells a ClickHouse URL with https:// at a port that speaks http', async () => {
    const run = await checkClickHouse(books.stores.clickhouseUrl.replace('http:', 'https:'))
    expectUnreachable(run, [/no encrypted connection could be made: wrong version number/, /8443/])
  })

  it('tells a certificate of ClickHouse that nobody signed', async () => {
    const port = await listen(createHttpsServer({ key: TEST_KEY, cert: ELSEWHERE_CERTIFICATE }))
    expectUnreachable(await checkClickHouse(`https://127.0.0.1:${port}/ax`), ['DEPTH_ZERO_SELF_SIGNED_CERT', 'NODE_EXTRA_CA_CERTS'])
  })

  it.each([
    ['a proxy whose upstream is gone', 502, '<html>502 Bad Gateway</html>'],
    ['another server', 200, '<!doctype html><title>Welcome</title>'],
    ['a server that says nothing', 503, ''],
  ])('tells that what answers is not ClickHouse: %s', async (_, status, body) => {
    const port = await listen(
      createHttpServer((request, response) => {
        request.resume()
        response.writeHead(status, { 'content-type': 'text/html' }).end(body)
      }),
    )
    expectUnreachable(await checkClickHouse(`http://127.0.0.1:${port}/ax`), ['is not ClickHouse', 'what stands in between'])
  })
})
