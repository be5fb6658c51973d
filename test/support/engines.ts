import { describe, inject } from 'vitest'
import { createStores, type StoreServers, type Stores } from '../../sim/sandbox/stores.ts'
import { startServers, type TestServers, testBackend } from './servers.ts'
import './global-setup.ts'

/** Servers to test against. */
export interface TestEngines extends StoreServers {
  /** Creates fresh databases with the reference schema, for the caller alone; see sim/sandbox/stores.ts. */
  createStores(name: string): Promise<Stores>
}

/** Servers of one suite's own, which it may kill and pause, and must stop. */
export interface PrivateEngines extends TestServers {
  createStores(name: string): Promise<Stores>
}

const unavailable = testBackend() === 'containers' ? await (await import('./containers.ts')).containersUnavailable() : undefined

/** A suite that needs the engines: as `describe`, but skipped, with the reason in its title, where the backend asked for cannot be had. */
export function describeEngines(name: string, suite: () => void): void {
  if (unavailable === undefined) describe(name, suite)
  else describe.skip(`${name} [skipped: RECON_TEST_BACKEND=containers, but ${unavailable}]`, suite)
}

/**
 * Hands out the pair of servers that all suites of this run share; call it in `beforeAll`. Whoever wants to kill or pause a server takes
 * startPrivateEngines.
 */
export async function startTestEngines(): Promise<TestEngines> {
  const response = await fetch(inject('enginesBroker'))
  const text = await response.text()
  if (!response.ok) throw new Error(`the shared engines did not start: ${text}`)
  const servers: StoreServers = JSON.parse(text)
  return { ...servers, createStores: name => createStores(servers, name) }
}

/** Starts a pair of servers for the caller alone (about a second and a half), to be stopped in `afterAll`. */
export async function startPrivateEngines(): Promise<PrivateEngines> {
  const servers = await startServers()
  return { ...servers, createStores: name => createStores(servers, name) }
}
