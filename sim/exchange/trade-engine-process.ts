// The trade-engine as a process of its own: started by the exchange, ends with it.

import { runChild } from './child-link.ts'
import { connectPostgres } from './connect-postgres.ts'
import { openDropcopy } from './dropcopy.ts'
import { lockEngine } from './engine-store.ts'
import { openMarket } from './market.ts'
import type { Progress } from './messages.ts'
import { openTradeEngine } from './trade-engine.ts'

runChild(async link => {
  const { start } = link
  const { client, lost } = await connectPostgres(start.postgresUrl, 'trade-engine')
  await lockEngine(client)
  const dropcopy = openDropcopy(openMarket(start.spec))
  const engine = await openTradeEngine(client, dropcopy, {
    faults: link.faults,
    report: part => link.send({ type: 'planted', part }),
    afterStep: link.mayCrash,
  })
  const progress = (): Progress => ({ dropcopy: engine.token(), cash: 0n, halted: engine.halted(), pendingRows: 0 })
  link.send({ type: 'ready', progress: progress() })
  const fold = async () => {
    while (!link.signal.aborted) {
      const began = performance.now()
      const head = link.head()
      const most = engine.token() + BigInt(start.engine.batchEventsMax)
      const through = head < most ? head : most
      if (through > engine.token() && !link.paused() && !engine.halted()) {
        await engine.foldThrough(through)
        link.send({ type: 'progress', progress: progress() })
      }
      if (through === head || link.paused()) await link.rest(Math.max(1, start.engine.batchMs - (performance.now() - began)))
    }
  }
  await Promise.race([fold(), lost])
  await client.end()
})
