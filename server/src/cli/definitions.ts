import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  type EventDefinition,
  type EventDefinitions,
  type StandardSchema,
  standardJsonSchema,
  type ToJsonSchema,
} from 'varve'
import { CliFailure, exitCodes } from './failure.ts'
import { exportsOf } from './user-module.ts'

/** The event definitions that a module exports. */
export interface Definitions {
  readonly events: EventDefinitions
  /** Describes their validators, with the converters that are installed beside the module. */
  readonly toJsonSchema: ToJsonSchema
}

/**
 * Loads a module of the user's and gathers what it exports: results of `defineEvents`, objects of them, and whatever has one
 * as its `events`, as deciders, views and aggregates have.
 */
export async function loadDefinitions(
  modulePath: string,
  exportNames: readonly string[],
  signal: AbortSignal,
): Promise<Definitions> {
  const exported = await exportsOf(modulePath, signal)
  const unknown = exportNames.find((name) => !(name in exported))
  if (unknown !== undefined) {
    throw new CliFailure(
      `${modulePath} exports no ${unknown}. It exports ${Object.keys(exported).join(', ')}.`,
      exitCodes.usage,
    )
  }
  const chosen = Object.entries(exported).filter(([name]) => exportNames.length === 0 || exportNames.includes(name))
  const events = gathered(chosen)
  if (Object.keys(events).length === 0) {
    throw new CliFailure(
      `${modulePath} exports no event definitions${exportNames.length > 0 ? ` as ${exportNames.join(', ')}` : ''}. ` +
        'Export what defineEvents returns.',
      exitCodes.usage,
    )
  }
  return { events, toJsonSchema: await converterFor(events, resolve(modulePath)) }
}

function gathered(exported: readonly (readonly [name: string, value: unknown])[]): EventDefinitions {
  const events: Record<string, EventDefinition> = {}
  const from = new Map<string, string>()
  for (const [name, value] of exported) {
    for (const [type, definition] of definitionsIn(value).flatMap((found) => Object.entries(found))) {
      const other = from.get(type)
      if (other !== undefined && events[type] !== definition) {
        throw new CliFailure(
          `${type} is defined in ${other} and, otherwise, in ${name}. Give each a lock of its own: --export ${name} --file ${name}.schema.json.`,
          exitCodes.usage,
        )
      }
      events[type] = definition
      from.set(type, name)
    }
  }
  return events
}

function definitionsIn(value: unknown): readonly EventDefinitions[] {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return []
  if (areDefinitions(value)) return [value]
  const { events, rules } = value as { readonly events?: unknown; readonly rules?: { readonly events?: unknown } }
  // The instances of classes may do anything when they are looked into, and are left alone.
  const isPlain = [Object.prototype, null].includes(Object.getPrototypeOf(value))
  return [...new Set([events, rules?.events, ...(isPlain ? Object.values(value) : [])])].filter(areDefinitions)
}

function areDefinitions(value: unknown): value is EventDefinitions {
  if (typeof value !== 'object' || value === null) return false
  const all: readonly unknown[] = Object.values(value)
  return (
    all.length > 0 && all.every((one) => typeof one === 'object' && one !== null && 'version' in one && 'schema' in one)
  )
}

/** zod and arktype describe themselves; valibot needs a package, looked for where the definitions are. */
async function converterFor(events: EventDefinitions, path: string): Promise<ToJsonSchema> {
  const usesValibot = Object.values(events).some(({ schema }) => schema !== undefined && isBare(schema))
  const described = usesValibot ? await valibotDescriber(path) : undefined
  return (schema) => standardJsonSchema(described !== undefined && isBare(schema) ? described(schema) : schema)
}

function isBare(schema: StandardSchema): boolean {
  return schema['~standard'].vendor === 'valibot' && !('jsonSchema' in schema['~standard'])
}

async function valibotDescriber(path: string): Promise<(schema: StandardSchema) => StandardSchema> {
  const name = '@valibot/to-json-schema'
  try {
    const found = createRequire(path).resolve(name)
    const { toStandardJsonSchema } = (await import(pathToFileURL(found).href)) as {
      readonly toStandardJsonSchema: (schema: StandardSchema) => StandardSchema
    }
    return toStandardJsonSchema
  } catch (cause) {
    throw new CliFailure(
      `The schemas are of valibot, which needs a package to describe them: npm install --save-dev ${name}.`,
      exitCodes.failed,
      { cause },
    )
  }
}
