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
  const path = resolve(modulePath)
  const exported = await imported(path, signal)
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
  return { events, toJsonSchema: await converterFor(events, path) }
}

async function imported(path: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>> {
  const interrupted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  try {
    // A module may wait for something of its own, for ever.
    return await Promise.race([import(pathToFileURL(path).href), interrupted])
  } catch (error) {
    signal.throwIfAborted()
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${path}'`)) {
      throw new CliFailure(`${path} does not exist. Check the path.`, exitCodes.usage)
    }
    throw new CliFailure(
      `${path} cannot be loaded: ${message.replace(/[.?]+$/, '')}${adviceOn(code)}`,
      exitCodes.failed,
      { cause: error },
    )
  }
}

/** What to do about a module that Node itself does not load. */
function adviceOn(code: string | undefined): string {
  const built = 'Or name the JavaScript that it is built to.'
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION')
    return `. TypeScript in .ts files is loaded by Node 22.18 or later. ${built}`
  if (code === 'ERR_MODULE_NOT_FOUND') return `. Node wants file names with their extensions in imports. ${built}`
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') return `. Node strips types and compiles nothing else. ${built}`
  return ''
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
