import type { CountedRows } from '../../epoch/horizon.ts'
import { decodeLine, fieldText, LINE_FEED } from '../../epoch/line.ts'
import { StoreError } from '../../epoch/store-error.ts'
import { serverError } from './errors.ts'
import { PROOF_LINES } from './history-statement.ts'

// The server cuts its exceptions to 16 KiB; an answer's last rows are passed on only once it is known that none is hidden behind them.
const HELD_BACK_BYTES = 64 * 1024

/** How many verified keys a statement took in, and the sum of their rows' hashes. */
export interface VerifiedProof {
  readonly keys: bigint
  readonly digest: string
}

/**
 * Passes on the rows of an answer and takes the proof off its end. The end is held back until it is whole, so that an exception which the
 * server wrote into a half-sent answer is never taken for rows.
 * Throws `StoreError`: the server's own error where it left one, else `response-truncated`.
 */
export class ProvenLines {
  readonly #store: string
  readonly #streams: readonly string[]
  readonly #proofLines: number
  #counted: CountedRows | undefined
  #verified: VerifiedProof | undefined

  /** `withVerified`: the statement goes on from a checkpoint and says so in a third line. */
  constructor(store: string, streams: readonly string[], withVerified = false) {
    this.#store = store
    this.#streams = streams
    this.#proofLines = withVerified ? PROOF_LINES + 1 : PROOF_LINES
  }

  /** What the statement found of the checkpoint it went on from. Only after the lines have been read to their end. */
  get verified(): VerifiedProof | undefined {
    return this.#verified
  }

  /** What the statement counted. Throws unless the lines have been read to their end. */
  get counted(): CountedRows {
    if (!this.#counted) throw new Error('the proof of a reading was asked for before the reading had ended')
    return this.#counted
  }

  async *lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let held: Uint8Array[] = []
    let heldBytes = 0
    try {
      for await (const chunk of chunks) {
        held.push(chunk)
        heldBytes += chunk.length
        while (held.length > 1 && heldBytes - (held[0]?.length ?? 0) >= HELD_BACK_BYTES) {
          const [first, ...rest] = held
          held = rest
          heldBytes -= first?.length ?? 0
          if (first) yield first
        }
      }
    } catch (error) {
      throw exceptionIn(this.#store, Buffer.concat(held)) ?? error
    }
    const end = Buffer.concat(held)
    const proofStart = startOfLastLines(end, this.#proofLines)
    const proof = proofStart === undefined ? [] : proofTexts(end.subarray(proofStart))
    this.#counted = readProof(proof, this.#streams)
    this.#verified = readVerifiedProof(proof[PROOF_LINES])
    if (!this.#counted) {
      const cause = exceptionIn(this.#store, end)
      throw (
        cause ??
        new StoreError(
          this.#store,
          'response-truncated',
          'the answer ended before its proof lines; something between here and the server cut it off',
          { retryable: true },
        )
      )
    }
    if (proofStart) yield end.subarray(0, proofStart)
  }
}

/**
 * Whether sums over rows as they are may hold a delivery twice: unless there are as many rows as addresses in every stream, and as many in the
 * part that was summed as in the part that counted the addresses, between which a row may come in where the server gives no one snapshot.
 */
export function mayHoldRepeats({ facts, addresses, undeclared, rows }: CountedRows): boolean {
  const summed = Object.values(facts).reduce((sum, count) => sum + count, undeclared)
  return summed !== rows || Object.keys(facts).some(stream => facts[stream] !== addresses[stream])
}

function startOfLastLines(bytes: Buffer, lines: number): number | undefined {
  if (bytes.at(-1) !== LINE_FEED) return undefined
  let end = bytes.length - 1
  for (let line = 0; line < lines; line++) {
    const feed = end > 0 ? bytes.lastIndexOf(LINE_FEED, end - 1) : -1
    if (feed === -1) return line === lines - 1 ? 0 : undefined
    end = feed
  }
  return end + 1
}

/** The last field of each proof line, split at its spaces. */
function proofTexts(bytes: Buffer): readonly (readonly string[])[] {
  return splitLines(bytes).map(line => (fieldText(decodeLine(line).at(-1) ?? null) ?? '').split(' '))
}

function readVerifiedProof([keys, digest]: readonly string[] = []): VerifiedProof | undefined {
  return keys !== undefined && digest !== undefined && /^\d+$/.test(keys) ? { keys: BigInt(keys), digest } : undefined
}

function readProof(lines: readonly (readonly string[])[], streams: readonly string[]): CountedRows | undefined {
  const [facts = [], addresses = []] = lines.map(counts => counts.map(readCount))
  const undeclared = facts[streams.length]
  const rows = addresses[streams.length]
  if (facts.length !== streams.length + 1 || addresses.length !== streams.length + 1) return undefined
  if (undeclared === undefined || rows === undefined || [...facts, ...addresses].includes(undefined)) return undefined
  const perStream = (counts: readonly (bigint | undefined)[]) => Object.fromEntries(streams.map((stream, at) => [stream, counts[at] ?? 0n]))
  return { facts: perStream(facts), addresses: perStream(addresses), undeclared, rows }
}

function readCount(text: string): bigint | undefined {
  return /^\d+$/.test(text) ? BigInt(text) : undefined
}

function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = []
  for (let start = 0; start < bytes.length; ) {
    const feed = bytes.indexOf(LINE_FEED, start)
    lines.push(bytes.subarray(start, feed))
    start = feed + 1
  }
  return lines
}

function exceptionIn(store: string, bytes: Buffer): StoreError | undefined {
  const match = /Code: (\d+)\. DB::Exception: ([^\n]*)/.exec(bytes.subarray(-HELD_BACK_BYTES).toString('latin1'))
  return match ? serverError(store, match[1] ?? '', match[2] ?? '') : undefined
}
