import { randomUUID } from 'node:crypto'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Lines } from '../epoch/leg.ts'
import { StoreError } from '../epoch/store-error.ts'

const READ_BYTES = 1 << 20

/**
 * Holds bytes in memory up to a bound and in a temporary file from there on, so that a store can be drained at its full speed however slow
 * the reader is. The file has no name any more once it is open: nothing is left behind, whatever ends the process.
 */
export class Spool {
  readonly #memoryBytesMax: number
  readonly #chunks: Uint8Array[] = []
  #memoryBytes = 0
  #file: FileHandle | undefined
  #fileBytes = 0

  constructor(memoryBytesMax: number) {
    this.#memoryBytesMax = memoryBytesMax
  }

  /** Bytes held so far, in memory and in the file. */
  get bytes(): number {
    return this.#memoryBytes + this.#fileBytes
  }

  /** Appends one chunk, which the caller must not change any more. */
  async write(chunk: Uint8Array): Promise<void> {
    if (this.#file === undefined && this.#memoryBytes + chunk.length <= this.#memoryBytesMax) {
      this.#chunks.push(chunk)
      this.#memoryBytes += chunk.length
      return
    }
    try {
      this.#file ??= await openUnnamed()
      await this.#file.appendFile(chunk)
    } catch (cause) {
      throw spoolError(cause)
    }
    this.#fileBytes += chunk.length
  }

  /** Everything that was written, from the beginning or from behind so many bytes. May be called again and again, and while more is written. */
  async *lines(from = 0): Lines {
    let skip = from
    for (const chunk of this.#chunks) {
      if (skip < chunk.length) yield chunk.subarray(skip)
      skip = Math.max(0, skip - chunk.length)
    }
    for (let at = skip; at < this.#fileBytes; ) {
      if (!this.#file) throw new Error('the spool was disposed of while it was read')
      const { buffer, bytesRead } = await this.#file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, at)
      if (bytesRead === 0) throw new Error(`the spool file ends at ${at} of ${this.#fileBytes} bytes`)
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  }

  /** Frees the memory and the file. Safe to call twice. */
  async dispose(): Promise<void> {
    this.#chunks.length = 0
    this.#memoryBytes = 0
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }
}

/** What the file system says is neither a store's doing nor a bug; the temporary folder is where to look. */
function spoolError(cause: unknown): StoreError {
  const message = cause instanceof Error ? cause.message : String(cause)
  const remedy = `rows that did not fit in memory could not go to the temporary folder ${tmpdir()}; make room there, or name another by TMPDIR`
  return new StoreError('spool', 'store-error', `${message}; ${remedy}`, { cause })
}

async function openUnnamed(): Promise<FileHandle> {
  const path = join(tmpdir(), `recon-spool-${randomUUID()}`)
  const file = await open(path, 'wx+', 0o600)
  await unlink(path)
  return file
}
