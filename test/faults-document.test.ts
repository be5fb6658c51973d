import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { withMadeParts } from './support/faults-document.ts'

const path = join(import.meta.dirname, '..', 'docs', 'faults.md')

it('docs/faults.md says of every fault what the catalogue says; UPDATE_DOCS=1 rewrites it', async () => {
  const stands = await readFile(path, 'utf8')
  const made = withMadeParts(stands)
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(path, made)
  else expect(stands).toBe(made)
})
