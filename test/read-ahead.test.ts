import { PassThrough } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { readAhead } from '../stores/read-ahead.ts'
import { systemClock } from '../stores/system-clock.ts'
import { until } from './support/until.ts'

const chunk = (n: number) => Buffer.from(`${n}\n`.padStart(1_000, ' '))
const options = { patienceMs: 20, memoryBytesMax: 10_000, clock: systemClock, abandon: () => undefined }

describe('reading ahead', () => {
  it('lets a slow reader slow the source', async () => {
    const { source, sent } = counting(100)
    const reader = readAhead(source, { ...options, patienceMs: 60_000 })
    await reader.next()
    await reader.next()
    await delay(50)
    expect(sent()).toBe(2)
    await reader.return(undefined)
  })

  it('drains the source for a reader that has stopped, and gives it everything in order, from memory and file', async () => {
    const { source, sent } = counting(100)
    const reader = readAhead(source, options)
    const first = await reader.next()
    await until('the source was drained', () => sent() === 100)
    const rest: Uint8Array[] = []
    for await (const next of reader) rest.push(next)
    expect(Buffer.concat([first.value ?? Buffer.alloc(0), ...rest])).toEqual(Buffer.concat(Array.from({ length: 100 }, (_, n) => chunk(n))))
  })

  it('throws what broke the source off, behind what had come', async () => {
    const { source, sent } = counting(50, new Error('broken off'))
    const reader = readAhead(source, options)
    await reader.next()
    await until('the source was drained', () => sent() === 50)
    let bytes = 0
    const reading = async () => {
      for await (const next of reader) bytes += next.length
    }
    await expect(reading()).rejects.toThrow('broken off')
    expect(bytes).toBe(49_000)
  })

  it('closes the source when its reader is closed, drained or not', async () => {
    for (const patienceMs of [20, 60_000]) {
      const endless = counting(Number.POSITIVE_INFINITY)
      const reader = readAhead(endless.source, { ...options, patienceMs })
      await reader.next()
      if (patienceMs === 20) await until('the source was drained', () => endless.sent() > 20)
      await reader.return(undefined)
      expect(endless.closed()).toBe(true)
    }
  })

  it('breaks off a source that is waiting, for a reader that leaves', async () => {
    const source = new PassThrough()
    source.write(chunk(0))
    let left = 0
    const abandon = () => {
      left++
      source.destroy()
    }
    const reader = readAhead(source, { ...options, abandon })
    await reader.next()
    // Long enough for the rest, which does not come, to be asked for.
    await until('the source is waited for', () => source.listenerCount('readable') > 0)
    await reader.return(undefined)
    expect([left, source.destroyed]).toEqual([1, true])
  })
})

function counting(chunks: number, then?: Error) {
  let sent = 0
  let closed = false
  const source = async function* () {
    try {
      for (; sent < chunks; ) {
        if (sent % 10 === 0) await delay(1)
        yield chunk(sent++)
      }
      if (then) throw then
    } finally {
      closed = true
    }
  }
  return { source: source(), sent: () => sent, closed: () => closed }
}
