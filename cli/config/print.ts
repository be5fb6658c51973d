import { Document, isScalar, isSeq, visit } from 'yaml'
import type { MappedTable } from '../../checks/reference-model.ts'
import { formatDuration } from './duration.ts'
import type { LoadedConfig } from './load.ts'
import type { FileLeg, FileRelation } from './relations.ts'
import { redactSecret, SECRET_SOURCES } from './secrets.ts'
import type { ConfigPath } from './yaml-file.ts'

/** The effective configuration as a recon.yaml that says the same, each value with where it came from, secrets redacted. */
export function configToYaml(loaded: LoadedConfig): string {
  const document = new Document(effectiveFile(loaded))
  visit(document, {
    Pair(_, pair, ancestors) {
      const path = pathOf(pair.key, ancestors)
      const value = pair.value
      if (isSeq(value)) value.flow = true
      if (isScalar(value) || isSeq(value)) value.comment = ` ${originOf(loaded, path)}`
    },
  })
  document.commentBefore = secretLines(loaded)
  return document.toString({ lineWidth: 0, flowCollectionPadding: false })
}

/** The same as one JSON document: `{schema, file, config, secrets, origins}`. */
export function configToJson(loaded: LoadedConfig): string {
  const config = effectiveFile(loaded)
  const origins = Object.fromEntries(leavesOf(config, []).map(path => [path.join('.'), originOf(loaded, path)]))
  return JSON.stringify({ schema: 'recon.config/1', file: loaded.fileName ?? null, config, secrets: redactedSecrets(loaded), origins })
}

function secretLines(loaded: LoadedConfig): string {
  const lines = Object.entries(redactedSecrets(loaded)).map(([variable, { value, origin }]) => {
    const from = origin === variable ? 'from the environment' : `from ${origin}`
    return `   ${variable} = ${value} (${from})`
  })
  return lines.length === 0 ? ' no secrets are set' : [' secrets, never printed whole:', ...lines].join('\n')
}

function redactedSecrets({ secrets }: LoadedConfig): Readonly<Record<string, { readonly value: string; readonly origin: string }>> {
  return Object.fromEntries(
    SECRET_SOURCES.flatMap(({ name, variable, form }) => {
      const secret = secrets[name]
      return secret ? [[variable, { value: redactSecret(form, secret.value), origin: secret.origin }]] : []
    }),
  )
}

function originOf(loaded: LoadedConfig, path: ConfigPath): string {
  const own = loaded.originOf(path)
  if (own !== undefined) return own
  // What a check does not say of its horizon, it takes from the common one.
  const [section, , part, key] = path
  const common = section === 'checks' && part === 'horizon' && key !== undefined ? loaded.originOf(['horizon', key]) : undefined
  return common ?? 'default'
}

function effectiveFile({ config, fileConfig }: LoadedConfig) {
  const { stores, capture, horizon, checks, custodian, audit, gate, http } = fileConfig
  const removed = Object.fromEntries(Object.entries(fileConfig.streams).filter(([, sql]) => sql === false))
  const { balances, positions, resume_tokens, trades, transfers } = config.tables.postgres
  const { transactions, pnl_marks, sink_watermarks, positions: positionHistory } = config.tables.clickhouse
  return {
    stores: { ...stores, connectTimeout: formatDuration(stores.connectTimeout) },
    streams: { ...config.streams, ...removed },
    tables: {
      postgres: {
        balances: { ...tableForm(balances), stamps: balances.stamps },
        positions: { ...tableForm(positions), stamps: positions.stamps },
        resume_tokens: tableForm(resume_tokens),
        trades: tableForm(trades),
        transfers: tableForm(transfers),
      },
      clickhouse: {
        transactions: tableForm(transactions),
        positions: tableForm(positionHistory),
        pnl_marks: tableForm(pnl_marks),
        sink_watermarks: tableForm(sink_watermarks),
      },
    },
    capture: { tornCutTimeout: formatDuration(capture.tornCutTimeout) },
    horizon: { ...horizon, timeout: formatDuration(horizon.timeout), settle: formatDuration(horizon.settle) },
    checks: Object.fromEntries(
      Object.entries(checks).map(([name, check]) => {
        const effective = config.checks[name]?.horizon ?? config.horizon
        const { strategy, timeoutMs, settleMs } = effective
        const timeout = formatDuration(timeoutMs)
        // The legs of a relation say themselves how they wait.
        const horizon = Object.hasOwn(config.relations, name) ? { timeout } : { strategy, timeout, settle: formatDuration(settleMs) }
        return [name, { ...check, timeout: formatDuration(check.timeout), horizon }]
      }),
    ),
    relations: Object.fromEntries(Object.entries(fileConfig.relations).map(([name, relation]) => [name, relationForm(relation)])),
    custodian: {
      ...custodian,
      inFlightLimit: formatDuration(custodian.inFlightLimit),
      inconsistentLimit: formatDuration(custodian.inconsistentLimit),
    },
    audit: { period: formatDuration(audit.period) },
    gate: {
      ...gate,
      minDuration: formatDuration(gate.minDuration),
      maxEvidenceAge: formatDuration(gate.maxEvidenceAge),
      maxSealAge: formatDuration(gate.maxSealAge),
      roundInterval: formatDuration(gate.roundInterval),
      timeout: formatDuration(gate.timeout),
      decisionTtl: formatDuration(gate.decisionTtl),
    },
    http,
  }
}

/** A relation as it is written: what it leaves out is left out. */
function relationForm({ streams, left, right, ...rest }: FileRelation) {
  return { ...rest, ...(Object.keys(streams).length > 0 ? { streams } : {}), left: legForm(left), right: legForm(right) }
}

function legForm({ horizon, ...rest }: FileLeg) {
  const { watermark, rows, settle } = horizon
  const waits = {
    ...(watermark === undefined ? {} : { watermark }),
    ...(Object.keys(rows).length > 0 ? { rows } : {}),
    ...(settle === undefined ? {} : { settle: formatDuration(settle) }),
  }
  return { ...rest, ...(Object.keys(waits).length > 0 ? { horizon: waits } : {}) }
}

function tableForm({ schema, name, columns }: MappedTable) {
  return { table: schema === undefined ? name : `${schema}.${name}`, columns }
}

function pathOf(key: unknown, ancestors: readonly unknown[]): ConfigPath {
  const keys = [...ancestors.flatMap(ancestor => (isPairLike(ancestor) ? [ancestor.key] : [])), key]
  return keys.map(node => (isScalar(node) ? String(node.value) : String(node)))
}

function isPairLike(value: unknown): value is { readonly key: unknown } {
  return typeof value === 'object' && value !== null && 'key' in value
}

function leavesOf(value: unknown, path: ConfigPath): readonly ConfigPath[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path]
  return Object.entries(value).flatMap(([key, child]) => leavesOf(child, [...path, key]))
}
