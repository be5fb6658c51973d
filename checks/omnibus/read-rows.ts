import type { Lines } from '../../epoch/leg.ts'
import { decodeLine, fieldText } from '../../epoch/line.ts'
import { LineReader } from '../../epoch/line-reader.ts'
import { ReconError } from '../../epoch/recon-error.ts'
import type { RowShape } from '../../epoch/row.ts'

/** Reads the lines of a leg as rows of text. Throws `ReconError` (`malformed-line`) where one has not the fields of the shape, or a field is NULL. */
export async function* readRows(lines: Lines, { keys, values }: RowShape): AsyncGenerator<Readonly<Record<string, string>>> {
  const names = [...keys, ...values]
  const reader = new LineReader(lines)
  try {
    while (await reader.ensureLine()) {
      const fields = decodeLine(reader.bytes.subarray(reader.start, reader.lineEnd)).map(fieldText)
      reader.start = reader.lineEnd + 1
      if (fields.length !== names.length || fields.includes(null)) {
        throw new ReconError('malformed-line', `a leg sent ${JSON.stringify(fields)} where ${names.join(', ')} were due`)
      }
      yield Object.fromEntries(names.map((name, at) => [name, fields[at] ?? '']))
    }
  } finally {
    await reader.close()
  }
}
