import picocolors from 'picocolors'
import { requireStoreUrls } from '../check/store-urls.ts'
import type { Config } from '../config/config.ts'
import { EXIT } from '../exit-status.ts'
import { type Io, printLine } from '../io.ts'
import { escapeText } from '../terminal/escape.ts'
import { examine } from './examine.ts'
import type { Finding } from './finding.ts'

/** `recon doctor`: tells every finding with its remedy; 0 when nothing fails, else 10. A warning alone is well. */
export async function doctorCommand({ json }: { readonly json: boolean }, config: Config, io: Io): Promise<number> {
  const findings = await examine(requireStoreUrls(config), config, io)
  const well = findings.every(({ status }) => status !== 'fail')
  if (json) printLine(io, JSON.stringify({ schema: 'recon.doctor/1', status: well ? 'well' : 'unwell', findings }))
  else for (const line of formatFindings(findings, io.color)) printLine(io, line)
  return well ? EXIT.ok : EXIT.diff
}

/** One line per finding, its remedy beneath it, and a line that counts them. */
function formatFindings(findings: readonly Finding[], color: boolean): readonly string[] {
  const paint = picocolors.createColors(color)
  const shade = { ok: paint.green, warn: paint.yellow, fail: paint.red } as const
  const width = Math.max(...findings.map(({ id }) => id.length))
  const count = (status: Finding['status']) => findings.filter(finding => finding.status === status).length
  return [
    ...findings.flatMap(({ id, status, what, remedy }) => [
      `${shade[status](status.padEnd(4))}  ${id.padEnd(width)}  ${escapeText(what)}`,
      ...(remedy === null ? [] : [`${' '.repeat(width + 8)}${paint.bold('to do:')} ${escapeText(remedy)}`]),
    ]),
    `${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} to mend`,
  ]
}
