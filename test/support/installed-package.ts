import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../sim/engines/package-root.ts'

/** A project outside the package that has it installed. */
export interface InstalledPackage {
  readonly folder: string
  /** Runs node in the project; resolves with what it printed, rejects with it when the exit status is not 0. */
  node(...args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string }>
  remove(): Promise<void>
}

const run = promisify(execFile)

/**
 * Installs what `npm publish` would publish into a temporary project: the very files of the package, and its dependencies as links to the ones of the checkout, so that
 * nothing is downloaded. `also` are development dependencies of the checkout that the project needs too.
 */
export async function installPackage(also: readonly string[]): Promise<InstalledPackage> {
  const root = packageRoot()
  const folder = await mkdtemp(join(tmpdir(), 'recon-library-'))
  const modules = join(folder, 'node_modules')
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, maxBuffer: 64 << 20 })
  const [packed]: { readonly files: readonly { readonly path: string }[] }[] = JSON.parse(stdout)
  for (const { path } of packed?.files ?? []) await cp(join(root, path), join(modules, 'recon-engine', path))
  const manifest: { readonly dependencies: Readonly<Record<string, string>> } = JSON.parse(
    await readFile(join(root, 'package.json'), 'utf8'),
  )
  for (const name of [...Object.keys(manifest.dependencies), ...also]) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(root, 'node_modules', name), join(modules, name), 'junction')
  }
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'somebody-elses-project', private: true, type: 'module' }))
  return {
    folder,
    node: (...args) =>
      run(process.execPath, [...args], {
        cwd: folder,
        timeout: 120_000,
        maxBuffer: 16 << 20,
        env: { ...process.env, VITEST: undefined, NODE_OPTIONS: undefined },
      }),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
