import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packageRoot } from '../sim/engines/package-root.ts'
import { type InstalledPackage, installPackage } from './support/installed-package.ts'

const EXAMPLE = join(packageRoot(), 'docs', 'examples', 'property-suite.test.ts')
const MARK = 'loaded:'

// Tells every module as it is loaded, from the thread in which node runs such hooks.
const HOOKS = `
import { writeSync } from 'node:fs'
export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context)
  writeSync(1, '${MARK}' + resolved.url + '\\n')
  return resolved
}`
const REGISTER = `import { register } from 'node:module'\nregister('./hooks.js', import.meta.url)`

describe("the package, installed in somebody else's project", () => {
  let project: InstalledPackage

  beforeAll(async () => {
    project = await installPackage(['vitest', 'typescript', '@types/node'])
    await writeFile(join(project.folder, 'hooks.js'), HOOKS)
    await writeFile(join(project.folder, 'register.js'), REGISTER)
    await copyFile(EXAMPLE, join(project.folder, 'property-suite.test.ts'))
  })
  afterAll(() => project.remove())

  /** The modules that a script loads, as paths behind the project's node_modules, node's own left out. */
  async function modulesOf(script: string): Promise<readonly string[]> {
    await writeFile(join(project.folder, 'script.js'), script)
    const { stdout } = await project.node('--import', './register.js', 'script.js')
    const urls = stdout.split('\n').flatMap(line => (line.startsWith(`${MARK}file:`) ? [line.slice(MARK.length)] : []))
    return urls.map(url => url.replace(/^.*\/node_modules\//, '')).filter(path => !path.endsWith('/script.js'))
  }

  it('runs the example suite of docs/', async () => {
    const { stdout } = await project.node('node_modules/vitest/vitest.mjs', 'run', '--root', project.folder, '--reporter', 'json')
    expect(JSON.parse(stdout)).toMatchObject({ success: true, numFailedTests: 0, numPendingTests: 0, numPassedTests: 4 })
  })

  it('has types that the example suite compiles against', async () => {
    const options = {
      target: 'es2023',
      lib: ['es2023', 'dom'],
      module: 'nodenext',
      strict: true,
      noEmit: true,
      types: ['node'],
      skipLibCheck: false,
    }
    await writeFile(join(project.folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['*.ts'] }))
    await writeFile(
      join(project.folder, 'wrong.ts'),
      `import { runRelation } from 'recon-engine'\nexport const wrong: number = runRelation\n`,
    )
    const checked = await project.node('node_modules/typescript/bin/tsc', '-p', '.').catch((error: { readonly stdout: string }) => error)
    // The one error is the one that was planted: without it, a package without any types would pass.
    const errors = checked.stdout.split('\n').filter(line => line.includes('error'))
    expect(errors).toEqual([expect.stringMatching(/^wrong\.ts.*TS2322.*Promise<Run>/)])
  })

  it('loads no driver, no simulator and no command when it is imported', async () => {
    const loaded = await modulesOf(`import 'recon-engine'`)
    expect(loaded).toContain('recon-engine/dist/index.js')
    expect(loaded.filter(path => !path.startsWith('recon-engine/dist/'))).toEqual([])
    expect(loaded.filter(path => /dist\/(sim|cli|stores\/(?!system-clock\.js))/.test(path))).toEqual([])
  })

  it('loads fast-check, and no driver either, for its testing half', async () => {
    const loaded = await modulesOf(`import 'recon-engine/testing'`)
    const packages = new Set(loaded.map(path => path.split('/')[0]))
    expect([...packages].sort()).toEqual(['fast-check', 'pure-rand', 'recon-engine'])
    expect(loaded.filter(path => /dist\/(sim\/(engines|sandbox|exchange)|cli|stores)/.test(path))).toEqual([])
  })

  it('loads the drivers when the legs on real stores are asked for', async () => {
    const loaded = await modulesOf(
      `import { loadStoreLegs } from 'recon-engine'\nconst legs = await loadStoreLegs()\nif (typeof legs.postgresSnapshotLeg !== 'function') process.exit(1)`,
    )
    expect(loaded.some(path => path.startsWith('pg/'))).toBe(true)
    expect(loaded.some(path => path.startsWith('@clickhouse/client/'))).toBe(true)
  })
})
