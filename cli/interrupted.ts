import { ReconError } from '../epoch/recon-error.ts'

const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const

/** The signals that end a command in good order. */
export type EndingSignal = keyof typeof NUMBERS

/** Somebody asked the command to end; what was under way is cancelled. */
export class Interrupted extends ReconError {
  readonly signalName: EndingSignal

  constructor(signalName: EndingSignal) {
    super('cancelled', `cancelled by ${signalName}`)
    this.name = 'Interrupted'
    this.signalName = signalName
  }
}

/** The exit status that a shell expects of a command that a signal ended: 129, 130 or 143. */
export function signalStatus(signalName: EndingSignal): number {
  return 128 + NUMBERS[signalName]
}
