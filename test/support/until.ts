import { setTimeout as delay } from 'node:timers/promises'

/** Polls a condition until it holds; past the deadline it throws, naming what it waited for. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`)
    await delay(20)
  }
}
