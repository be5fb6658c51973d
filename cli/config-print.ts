import type { LoadedConfig } from './config/load.ts'
import { configToJson, configToYaml } from './config/print.ts'
import { EXIT } from './exit-status.ts'
import type { Io } from './io.ts'
import { printLine } from './io.ts'
import { escapeLines } from './terminal/escape.ts'

/** `recon config print`: the effective configuration, with where each value came from and secrets redacted. */
export async function configPrintCommand({ json }: { readonly json: boolean }, loaded: LoadedConfig, io: Io): Promise<number> {
  printLine(io, json ? configToJson(loaded) : escapeLines(configToYaml(loaded).trimEnd()))
  return EXIT.ok
}
