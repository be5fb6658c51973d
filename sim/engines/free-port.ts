import { once } from 'node:events'
import { createServer } from 'node:net'
import { ReconError } from '../../epoch/recon-error.ts'
import { portInUse } from './engine.ts'

/** Asks the kernel for a port of 127.0.0.1 that nobody listens on; somebody else may take it before it is used, so be ready to ask again. */
export async function freePort(): Promise<number> {
  return listenOnce(0)
}

/** Throws `port-in-use` or `port-refused` where `port` of 127.0.0.1 cannot be listened on; `name` says for whom. */
export async function assertPortFree(name: string, port: number): Promise<void> {
  try {
    await listenOnce(port)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') throw portInUse(name, port)
    const reason = error instanceof Error ? error.message : String(error)
    throw new ReconError(
      'port-refused',
      `port ${port} of 127.0.0.1 cannot be used for ${name} (${reason}): give a port from 1024 to 65535`,
      {
        cause: error,
      },
    )
  }
}

/**
 * Runs `start` with the port that was asked for, which must be free, or with free ones until it gets one that nobody snatched.
 * Only `port-in-use` is tried again, and only where the port is ours to choose.
 */
export async function withPort<T>(name: string, asked: number | undefined, start: (port: number) => Promise<T>): Promise<T> {
  if (asked !== undefined) {
    await assertPortFree(name, asked)
    return start(asked)
  }
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (attempt === 5 || !(error instanceof ReconError) || error.code !== 'port-in-use') throw error
    }
  }
}

async function listenOnce(port: number): Promise<number> {
  const server = createServer()
  server.listen({ port, host: '127.0.0.1', exclusive: true })
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('a TCP listener has a port')
  return address.port
}
