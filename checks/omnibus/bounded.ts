import { AssetSums } from './asset-sums.ts'
import type { Explained } from './explained.ts'

/**
 * At most `max` explanations by name, what is on its way before what has come to its end and the older before the newer; the others summed by kind and
 * asset, so that all of them together come to the same.
 */
export function boundExplained(explained: readonly Explained[], max: number): readonly Explained[] {
  const ordered = [...explained].sort((a, b) => b.ageMs - a.ageMs)
  const rest = ordered.slice(max)
  const kinds = [...new Set(rest.map(({ kind }) => kind))].sort()
  const sums = kinds.flatMap(kind => {
    const others = rest.filter(entry => entry.kind === kind)
    const amounts = new AssetSums()
    for (const { asset, amount } of others) amounts.add(asset, amount)
    return amounts.assets.map(asset => {
      const count = others.filter(entry => entry.asset === asset).length
      const ageMs = Math.max(...others.filter(entry => entry.asset === asset).map(entry => entry.ageMs))
      return { reference: `${count} more`, kind, asset, amount: amounts.of(asset), ageMs }
    })
  })
  return [...ordered.slice(0, max), ...sums]
}
