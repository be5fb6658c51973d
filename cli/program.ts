import { Command, InvalidArgumentError, Option } from 'commander'
import { KNOWN_CHECKS } from './check/registry.ts'
import { parseDuration } from './config/duration.ts'
import { type LoadedConfig, loadConfig } from './config/load.ts'
import type { Io } from './io.ts'
import { say } from './io.ts'
import { packageVersion } from './version.ts'

const EXIT_STATUSES = `
Exit status:
  0   balanced, or done
  10  a difference
  11  could not check: never a pass, and never a difference
  2   bad usage or configuration
  1   a bug in recon itself`

/**
 * The command line: every command with its options and help. A command's own code is loaded only when it runs, so that \`--help\` and \`check\`
 * start nothing that they do not need. \`done\` receives the exit status.
 */
export function buildProgram(io: Io, done: (status: number) => void): Command {
  const program = new Command('recon')
    .description("Proves an exchange's books balanced at one epoch of its event stream, while they are being written.")
    .version(packageVersion())
    .option('--config <file>', 'the configuration (default: recon.yaml in the working folder, if it is there)')
    .configureOutput({ writeOut: text => void io.stdout.write(text), writeErr: text => void io.stderr.write(text) })
    .exitOverride()
    .addHelpText(
      'after',
      `${EXIT_STATUSES}

Stores are named by the environment: RECON_POSTGRES_URL, RECON_CLICKHOUSE_URL, and RECON_STATE_URL for recon's own database.

Examples:
  recon demo --seconds 60               a live exchange, proved balanced; nothing needs to be installed
  recon check transactions-balance      one check of the configured stores
  recon check --all --json | jq .       all of them, one recon.run/1 document per line
  recon doctor                          what keeps a check from working, and the remedy`,
    )
  const configuration = (): LoadedConfig => {
    const { config: file } = program.opts<{ config?: string }>()
    const loaded = loadConfig({ environment: io.environment, workingFolder: io.workingFolder, file, knownChecks: KNOWN_CHECKS })
    for (const warning of loaded.warnings) say(io, `warning: ${warning}`)
    return loaded
  }

  program
    .command('check')
    .description('run checks once, at one epoch each')
    .argument('[names...]', `which: ${KNOWN_CHECKS.join(', ')}, or a relation of recon.yaml`)
    .option('--all', 'every check that is enabled')
    .option('--json', 'one recon.run/1 document per line')
    .addHelpText(
      'after',
      `${EXIT_STATUSES}\n\nSeveral checks: any difference is 10, else any that could not be made is 11.\nCtrl-C: the check is inconclusive/cancelled.`,
    )
    .action(async (names: string[], { all = false, json = false }: { all?: boolean; json?: boolean }) => {
      const { checkCommand } = await import('./check/command.ts')
      done(await checkCommand({ names, all, json }, configuration().config, io))
    })

  program
    .command('doctor')
    .description('find what keeps a check from working or from being trusted, each with its remedy')
    .option('--json', 'one recon.doctor/1 document')
    .addHelpText('after', '\nExit status: 0 well, 10 not, 2 bad usage or configuration')
    .action(async ({ json = false }: { json?: boolean }) => {
      const { doctorCommand } = await import('./doctor/command.ts')
      done(await doctorCommand({ json }, configuration().config, io))
    })

  program
    .command('history')
    .description('list the recorded runs, newest first (needs RECON_STATE_URL)')
    .option('--check <name>', 'only of this check')
    .addOption(new Option('--verdict <verdict>', 'only with this verdict').choices(['balanced', 'diff', 'inconclusive']))
    .option('--before <run>', 'only those recorded before this run')
    .option('--limit <n>', 'at most so many', wholeNumber(1, 10_000), 20)
    .option('--json', 'one recon.run/1 document per line')
    .action(async ({ json = false, ...query }) => {
      const { historyCommand } = await import('./history.ts')
      done(await historyCommand({ ...query, json }, configuration().config, io))
    })

  program
    .command('explain')
    .description('take the difference of a recorded run down to facts: which, since when, and which store is likely wrong')
    .argument('<run>', 'the ID of the run, or enough of its beginning (needs RECON_STATE_URL)')
    .option('--limit <n>', 'list at most so many facts for each key', wholeNumber(1, 1_000), 20)
    .option('--json', 'one recon.explain/1 document')
    .addHelpText('after', '\nExit status: 0 explained, or nothing to explain; 2 no such run, or bad usage; 11 a store could not answer')
    .action(async (run: string, { limit, json = false }: { limit: number; json?: boolean }) => {
      const { explainCommand } = await import('./explain.ts')
      done(await explainCommand({ run, limit, json }, configuration().config, io))
    })

  program
    .command('audit')
    .description('read the history under the checkpoints again, and say whether it is what was verified (needs RECON_STATE_URL)')
    .option(
      '--budget <duration>',
      'look no longer than this, at what was looked at least recently first (default: at everything)',
      duration,
    )
    .option('--json', 'one recon.run/1 document')
    .addHelpText('after', EXIT_STATUSES)
    .action(async ({ budget, json = false }: { budget?: number; json?: boolean }) => {
      const { auditCommand } = await import('./audit.ts')
      done(await auditCommand({ budgetMs: budget, json }, configuration().config, io))
    })

  program
    .command('checkpoint')
    .description('what was verified and is not read again with every run')
    .command('rebuild')
    .description('throw the checkpoints away, check the whole history, and make new ones (needs RECON_STATE_URL)')
    .argument('[names...]', `of which checks: ${KNOWN_CHECKS.join(', ')}`)
    .option('--all', 'of every check that is enabled')
    .option('--json', 'one recon.run/1 document per line')
    .addHelpText('after', EXIT_STATUSES)
    .action(async (names: string[], { all = false, json = false }: { all?: boolean; json?: boolean }) => {
      const { checkpointRebuildCommand } = await import('./checkpoint-rebuild.ts')
      done(await checkpointRebuildCommand({ names, all, json }, configuration().config, io))
    })

  program
    .command('epoch')
    .description('the logical clock that recon remembers')
    .command('accept')
    .description('acknowledge that the epoch went back, as after a failover (needs RECON_STATE_URL)')
    .requiredOption('--reason <text>', 'why that is right; it is kept for ever', nonEmpty)
    .option('--json', 'one recon.epoch-acceptance/1 document')
    .action(async ({ reason, json = false }: { reason: string; json?: boolean }) => {
      const { epochAcceptCommand } = await import('./epoch-accept.ts')
      done(await epochAcceptCommand({ reason, json }, configuration().config, io))
    })

  program
    .command('config')
    .description('the configuration')
    .command('print')
    .description('print the effective configuration with where each value came from, secrets redacted')
    .option('--json', 'one recon.config/1 document')
    .action(async ({ json = false }: { json?: boolean }) => {
      const { configPrintCommand } = await import('./config-print.ts')
      done(await configPrintCommand({ json }, configuration(), io))
    })

  program
    .command('demo')
    .description('a live exchange on engines of its own, proved balanced every two seconds, with a fault planted, found and repaired')
    .option('--seconds <n>', 'end by itself after so long (default: Ctrl-C ends it)', wholeNumber(1, 86_400))
    .addHelpText(
      'after',
      `
A table that is redrawn in place on a terminal, plain lines elsewhere or with NO_COLOR. The fault comes after a third of the time; 10 seconds
are the least that its story needs. Exit status: 0, also by Ctrl-C; 1 if a check says what is not so; 11 if too many could not be made.`,
    )
    .action(async (options: { seconds?: number }) => {
      const { demoCommand } = await import('./demo/command.ts')
      done(await demoCommand(options, io))
    })

  program
    .command('sandbox')
    .description(
      'start PostgreSQL and ClickHouse with the reference schema, empty; prints one JSON line with their URLs when they are ready',
    )
    .option('--dir <folder>', 'keep the data here (default: a temporary folder that goes with the sandbox)')
    .option('--postgres-port <n>', 'default: a free one', wholeNumber(1, 65_535))
    .option('--clickhouse-port <n>', 'default: a free one', wholeNumber(1, 65_535))
    .addHelpText(
      'after',
      '\nRuns until SIGINT, SIGTERM, SIGHUP, or the end of its stdin. Exit status: 0, or 2 for a port or a folder in use.',
    )
    .action(async (options: { dir?: string; postgresPort?: number; clickhousePort?: number }) => {
      const { sandboxCommand } = await import('./sandbox.ts')
      done(await sandboxCommand(options, io))
    })

  program
    .command('sim')
    .description('drive a seeded simulated exchange into the configured stores; writes only to stores that recon sandbox made')
    .requiredOption('--events <n>', 'how many dropcopy events more', bigWholeNumber)
    .option('--rate <n>', 'events a second (default: as fast as the stores take them)', Number)
    .option('--seed <text>', 'the same seed is the same exchange, event by event')
    .option('--accounts <n>', 'how many accounts trade', Number)
    .option('--fault <name[@event]>', 'plant a fault, at an event or the first that suits; may be repeated', collect)
    .option('--json', 'accepted for uniformity: the summary is one JSON line in any case')
    .addHelpText(
      'after',
      `
Prints one recon.sim/1 line when both stores hold all events, or as many as the planted faults let them. A wrong fault name lists them all.
Exit status: 0, 2 for stores that no sandbox made or bad usage.

Example, with the URLs that recon sandbox printed in the environment:
  recon sim --events 20000 --seed 7 --fault lost-row@9000 && recon check transactions-balance`,
    )
    .action(async options => {
      const { simCommand } = await import('./sim.ts')
      const { stdout, stderr, signal } = io
      done(await simCommand(options, { stdout, stderr, signal, urls: configuration().config.stores }))
    })

  return program
}

/** Reads an option that is a whole number within bounds. */
function wholeNumber(min: number, max: number): (text: string) => number {
  return text => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
    return value
  }
}

/** Reads an option that may count more than a number can hold. */
function bigWholeNumber(text: string): bigint {
  if (!/^[1-9]\d{0,17}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.')
  return BigInt(text)
}

/** Gathers an option that may be given several times. */
function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}

function nonEmpty(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It must not be empty.')
  return text
}

function duration(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms === 0) throw new InvalidArgumentError('It must be a duration such as 30s or 5m.')
  return ms
}
