import { formatDuration } from './duration.ts'
import { problemAt } from './issues.ts'
import type { ConfigProblem } from './problem.ts'
import type { FileConfig } from './schema.ts'
import type { ConfigPath, YamlFile } from './yaml-file.ts'

/**
 * The checks whose time would be used up by what they may wait for: a loss can be told only after the wait, so it would end as a time-out, which
 * nobody is paged for. Each problem names every key that has a part in it, with its value and where that stands.
 */
export function checkTimeoutProblems(config: FileConfig, file: YamlFile): readonly ConfigProblem[] {
  return Object.entries(config.checks).flatMap(([name, check]) => {
    const cut: Part = { path: ['capture', 'tornCutTimeout'], ms: config.capture.tornCutTimeout }
    const wait = waitOf(name, check, config)
    if (cut.ms + wait.ms < check.timeout) return []
    const path = ['checks', name, 'timeout']
    const stands = [path, wait.path, cut.path].find(candidate => file.has(candidate)) ?? path
    const message = [
      `a check that has waited would have no time left to tell what is missing: ${shown({ path, ms: check.timeout }, file)}`,
      `must be longer than ${shown(cut, file)} and ${shown(wait, file)} together, ${formatDuration(cut.ms + wait.ms)}`,
    ].join(' ')
    return [problemAt(file, stands, message)]
  })
}

/** A duration with the key that it comes from. */
interface Part {
  readonly path: ConfigPath
  readonly ms: number
}

/** How long a check may wait for its horizon, by its own key or the common one. */
function waitOf(name: string, { horizon }: FileConfig['checks'][string], { horizon: common }: FileConfig): Part {
  const key = (horizon.strategy ?? common.strategy) === 'settle' ? 'settle' : 'timeout'
  const own = horizon[key]
  return own === undefined ? { path: ['horizon', key], ms: common[key] } : { path: ['checks', name, 'horizon', key], ms: own }
}

function shown({ path, ms }: Part, file: YamlFile): string {
  const origin = file.has(path) ? `line ${file.locate(path).line}` : 'default'
  return `${path.join('.')} (${formatDuration(ms)}, ${origin})`
}
