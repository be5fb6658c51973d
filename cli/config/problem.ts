import { ReconError } from '../../epoch/recon-error.ts'

/** One thing wrong with the configuration: where it stands (a file position or a variable) and what would be right. */
export interface ConfigProblem {
  readonly source: string
  readonly line?: number
  readonly column?: number
  readonly path?: string
  readonly message: string
}

/** Everything that is wrong with the configuration, at once; the command ends with exit status 2. */
export class ConfigError extends ReconError {
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super('invalid-configuration', problems.map(formatProblem).join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** One line as compilers write it: `recon.yaml:7:14: horizon.timeout: "soon" is not a duration ...`. */
export function formatProblem({ source, line, column, path, message }: ConfigProblem): string {
  const position = line === undefined ? '' : `:${line}:${column ?? 1}`
  return `${source}${position}: ${path ? `${path}: ` : ''}${message}`
}
