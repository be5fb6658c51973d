import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packageRoot } from '../sim/engines/package-root.ts'

const root = packageRoot()
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const filesBelow = (folder: string, ending: string) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith(ending))
    .map(name => join(folder, name))

describe('the documents', () => {
  it('name a promise for each ID that a test names, and a test for each promise', () => {
    const promised = new Set(read('docs/invariants.md').match(/P-[A-Z][A-Z-]+[A-Z]/g))
    const tests = filesBelow('test', '.test.ts').filter(file => !file.endsWith('docs.test.ts'))
    const named = new Set(tests.flatMap(file => read(file).match(/(?<=\[)P-[A-Z][A-Z-]+[A-Z](?=\])/g) ?? []))
    expect([...named].sort()).toEqual([...promised].sort())
  })

  it('link to files that are there', () => {
    for (const file of ['README.md', ...filesBelow('docs', '.md')]) {
      const links = [...read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(match => match[1] ?? '')
      const paths = [...read(file).matchAll(/`((?:checks|epoch|stores|cli|sim|bench|test|docs)\/[\w./-]+\.(?:ts|md))`/g)].map(
        match => match[1] ?? '',
      )
      expect(links.filter(link => !existsSync(join(root, dirname(file), link)))).toEqual([])
      expect(paths.filter(path => !existsSync(join(root, path)))).toEqual([])
    }
  })

  it('give a reason for every dependency, and for no other package', () => {
    const { dependencies, devDependencies, optionalDependencies }: Record<string, Record<string, string>> = JSON.parse(read('package.json'))
    const needed = Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies }).filter(name => !name.startsWith('@types/'))
    const documented = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)`/gm)].map(match => match[1] ?? '')
    expect(documented.sort()).toEqual(needed.sort())
  })
})
