// Installs and builds what is missing, and nothing else: `npm run demo` and `npm test` call it first, so that a fresh clone needs no other command.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Not import.meta.dirname: a Node that is too old to have it must be told so by the check below.
const root = dirname(fileURLToPath(import.meta.url))
const stamps = join(root, '.cache')
const sourceFolders = ['epoch', 'stores', 'checks', 'scheduler', 'gate', 'service', 'cli', 'sim', 'bench']

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`recon-engine needs Node 20.19 or newer; this is ${process.version}. Install a newer Node and run the command again.`)
  process.exit(2)
}

step('dependencies', [join(root, 'package-lock.json')], existsSync(join(root, 'node_modules', '.package-lock.json')), () =>
  run('installing dependencies (once, about 700 MB of database engines)', 'npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error']),
)
step('build', sources(), existsSync(join(root, 'dist', 'cli', 'recon.js')), () => {
  rmSync(join(root, 'dist'), { recursive: true, force: true })
  rmSync(join(stamps, 'build.tsbuildinfo'), { force: true })
  run('building', process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json'])
})

/** Runs `work` unless `present` and the inputs are the ones that it last ran with. */
function step(name, inputs, present, work) {
  const hash = createHash('sha256').update(process.version)
  for (const file of inputs) hash.update(file).update('\0').update(readFileSync(file)).update('\0')
  const digest = hash.digest('hex')
  const stamp = join(stamps, `${name}.sha256`)
  if (present && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return
  work()
  mkdirSync(stamps, { recursive: true })
  writeFileSync(stamp, digest)
}

function sources() {
  const found = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'index.ts', 'testing.ts'].map(name =>
    join(root, name),
  )
  for (const folder of sourceFolders) {
    if (!existsSync(join(root, folder))) continue
    for (const name of readdirSync(join(root, folder), { recursive: true })) if (name.endsWith('.ts')) found.push(join(root, folder, name))
  }
  return found.filter(file => existsSync(file) && statSync(file).isFile()).sort()
}

function run(what, command, args) {
  const started = Date.now()
  process.stderr.write(`recon-engine: ${what} ...\n`)
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
  if (result.status !== 0) {
    process.stderr.write(
      `recon-engine: ${what} failed${result.error ? `: ${result.error.message}` : ` with exit status ${result.status}`}\n`,
    )
    process.exit(1)
  }
  process.stderr.write(`recon-engine: ${what}: done in ${((Date.now() - started) / 1000).toFixed(1)} s\n`)
}
