import type { Epoch } from './epoch.ts'
import { sequenceOf, streamsShortOf } from './epoch.ts'

/**
 * The streams in which a cut is torn: some state row was stamped above the epoch that the same transaction read, so that a batch was half
 * folded (schema.md, partial writes). A torn cut describes no point of the stream and must not be compared.
 */
export function tornStreams(epoch: Epoch, stamps: Epoch): readonly string[] {
  return streamsShortOf(epoch, stamps)
}

/**
 * The streams in which an epoch lies below one that a finished run has already seen: the store went back in time, which only a failover or a
 * restore can explain, and which `recon epoch accept` acknowledges.
 */
export function regressedStreams(epoch: Epoch, seenBefore: Epoch): readonly string[] {
  return Object.keys(seenBefore).filter(stream => sequenceOf(epoch, stream) < sequenceOf(seenBefore, stream))
}
