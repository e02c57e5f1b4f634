import type { Client } from 'pg'

/** One step of a plan that ran, in the words of `explain (analyze, buffers, format json)`. */
interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Shared Hit Blocks': number
  readonly 'Shared Read Blocks': number
  readonly Plans?: readonly PlanNode[]
}

/** What a statement did to get its answer: no times, so that it is the same on every machine. */
export interface Work {
  readonly statement: string
  /** Indexes that were used. */
  readonly indexes: readonly string[]
  /** Tables that were read from end to end. */
  readonly scanned: readonly string[]
  /** Rows that any one step handled, thrown away ones included, at the most. */
  readonly rowsMax: number
  /** Pages of tables and indexes that were looked at, in memory or not. */
  readonly pages: number
}

/** Plans by the values given, or a plan that is to serve for all values, as a prepared statement gets after some calls. */
export type Planning = 'force_custom_plan' | 'force_generic_plan'

/** Runs a query and says what it did. */
export async function workOf(
  client: Client,
  planning: Planning,
  { text, values = [] }: { readonly text: string; readonly values?: readonly unknown[] },
): Promise<Work> {
  await client.query(`set plan_cache_mode = ${planning}`)
  await client.query(`prepare explained as ${text}`)
  try {
    const given = values.length === 0 ? '' : `(${values.map(literal).join(', ')})`
    const { rows } = await client.query(`explain (analyze, buffers, format json) execute explained ${given}`)
    return work(text, rows[0]['QUERY PLAN'][0])
  } finally {
    await client.query('deallocate explained')
  }
}

/** Runs something and says what each statement did that it caused, those inside of functions included. */
export async function nestedWork(client: Client, run: () => Promise<unknown>): Promise<readonly Work[]> {
  const found: Work[] = []
  const hear = ({ message = '' }: { readonly message?: string | undefined }): void => {
    const json = /^duration: .*? plan:\n(.*)$/s.exec(message)?.[1]
    if (json === undefined) return
    const explained = JSON.parse(json)
    found.push(work(explained['Query Text'], explained))
  }
  await client.query(`load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_analyze = on;
    set auto_explain.log_buffers = on; set auto_explain.log_timing = off; set auto_explain.log_format = json;
    set auto_explain.log_nested_statements = on; set client_min_messages = log`)
  client.on('notice', hear)
  try {
    await run()
  } finally {
    client.off('notice', hear)
    await client.query('reset client_min_messages; set auto_explain.log_min_duration = -1')
  }
  return found
}

function work(statement: string, { Plan: plan }: { readonly Plan: PlanNode }): Work {
  const nodes = [...nodesOf(plan)]
  return {
    statement,
    indexes: [...new Set(nodes.flatMap((node) => node['Index Name'] ?? []))].sort(),
    scanned: nodes.flatMap((node) => (node['Node Type'] === 'Seq Scan' ? [node['Relation Name'] ?? '?'] : [])),
    rowsMax: Math.max(...nodes.map(rowsOf)),
    pages: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
  }
}

function* nodesOf(plan: PlanNode): Generator<PlanNode> {
  yield plan
  for (const part of plan.Plans ?? []) yield* nodesOf(part)
}

function rowsOf(node: PlanNode): number {
  return (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops']
}

function literal(value: unknown): string {
  // An array of literals without a type takes the type of the parameter.
  if (Array.isArray(value)) return `'{${value.map(String).join(',')}}'`
  return `'${String(value).replaceAll("'", "''")}'`
}
