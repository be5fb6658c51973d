import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ReconError } from '../../epoch/recon-error.ts'

/** Where the two engines keep their data below a sandbox's folder. */
export interface SandboxFolder {
  readonly postgres: string
  readonly clickhouse: string
}

const markerFile = 'recon-sandbox.json'
const formats = { format: 1 }

/**
 * Makes `folder` a sandbox's, or takes up one that is. Throws `not-a-sandbox-folder` for a folder that holds anything else: whatever is marked as a
 * sandbox may be written to by the simulator.
 */
export async function openSandboxFolder(folder: string): Promise<SandboxFolder> {
  const path = resolve(folder)
  let entries: string[]
  try {
    await mkdir(path, { recursive: true })
    entries = await readdir(path)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ReconError('not-a-sandbox-folder', `${path} cannot be used as a sandbox's folder (${reason}): give another --dir`, { cause })
  }
  if (entries.includes(markerFile)) {
    const text = await readFile(join(path, markerFile), 'utf8')
    if (text.trim() !== JSON.stringify(formats)) {
      throw new ReconError('not-a-sandbox-folder', `${join(path, markerFile)} was not written by this version: give another --dir`)
    }
  } else if (entries.length > 0) {
    throw new ReconError(
      'not-a-sandbox-folder',
      `${path} is not empty and was not made by \`recon sandbox\` (there is no ${markerFile} in it): give an empty folder or one that does not exist yet`,
    )
  } else {
    await writeFile(join(path, markerFile), `${JSON.stringify(formats)}\n`)
  }
  return { postgres: join(path, 'postgres'), clickhouse: join(path, 'clickhouse') }
}
