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
 * Loads a module of the user's and gathers what it exports: results of `defineEvents`, and whatever has one as `events`, as
 * a decider has.
 */
export async function loadDefinitions(modulePath: string, exportNames: readonly string[]): Promise<Definitions> {
  const path = resolve(modulePath)
  const exported = await imported(path)
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

async function imported(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await import(pathToFileURL(path).href)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${path}'`)) {
      throw new CliFailure(`${path} does not exist. Check the path.`, exitCodes.usage)
    }
    if (code === 'ERR_UNKNOWN_FILE_EXTENSION') {
      throw new CliFailure(
        `Node ${process.versions.node} does not load ${path}. Run with Node 22.18 or later, or name the JavaScript it is built to.`,
        exitCodes.usage,
      )
    }
    throw new CliFailure(`${path} cannot be loaded: ${message}`, exitCodes.failed, { cause: error })
  }
}

function gathered(exported: readonly (readonly [name: string, value: unknown])[]): EventDefinitions {
  const events: Record<string, EventDefinition> = {}
  const from = new Map<string, string>()
  for (const [name, value] of exported) {
    for (const [type, definition] of Object.entries(definitionsIn(value) ?? {})) {
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

function definitionsIn(value: unknown): EventDefinitions | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (areDefinitions(value)) return value
  const { events } = value as { readonly events?: unknown }
  return typeof events === 'object' && events !== null && areDefinitions(events) ? events : undefined
}

function areDefinitions(value: object): value is EventDefinitions {
  const all: readonly unknown[] = Object.values(value)
  return (
    all.length > 0 && all.every((one) => typeof one === 'object' && one !== null && 'version' in one && 'schema' in one)
  )
}

/** zod and arktype describe themselves; valibot needs a package, looked for where the definitions are. */
async function converterFor(events: EventDefinitions, path: string): Promise<ToJsonSchema> {
  const usesValibot = Object.values(events).some(({ schema }) => schema !== undefined && isBare(schema))
  const valibot = usesValibot ? await valibotConverter(path) : undefined
  return (schema) => (isBare(schema) && valibot !== undefined ? valibot(schema) : standardJsonSchema(schema))
}

function isBare(schema: StandardSchema): boolean {
  return schema['~standard'].vendor === 'valibot' && !('jsonSchema' in schema['~standard'])
}

async function valibotConverter(path: string): Promise<ToJsonSchema> {
  const name = '@valibot/to-json-schema'
  try {
    const found = createRequire(path).resolve(name)
    const { toJsonSchema } = (await import(pathToFileURL(found).href)) as {
      readonly toJsonSchema: (schema: unknown, options: object) => ReturnType<ToJsonSchema>
    }
    return (schema) => toJsonSchema(schema, { target: 'draft-2020-12', typeMode: 'output', errorMode: 'throw' })
  } catch (cause) {
    throw new CliFailure(
      `The schemas are of valibot, which needs a package to describe them: npm install --save-dev ${name}.`,
      exitCodes.failed,
      { cause },
    )
  }
}
