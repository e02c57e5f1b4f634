import type { Clock, EventStore } from 'varve'
import { framed } from '../grpc/frames.ts'
import { type Methods, serverStream, unary } from '../grpc/method.ts'
import { CallFailed } from '../grpc/status.ts'
import type { Messages } from '../protobuf/messages.ts'
import { Administration, type CreateOptions, type UpdateOptions } from './administration.ts'
import type { Mode } from './registry.ts'
import { notThere } from './registry.ts'
import type { Leftovers } from './remove.ts'
import { protobufValue, States } from './states.ts'
import { type Details, projectionDetails, systemDetails, systemProjections } from './statistics.ts'
import type { Supervisor } from './supervisor.ts'

/** What the service needs. */
export interface ProjectionsParts {
  readonly store: EventStore
  readonly clock: Clock
  readonly newId: () => string
  readonly projections: Supervisor
}

interface Asked<Options> {
  readonly options: Options | null
}

interface Named {
  readonly name: string
}

interface StatisticsOptions {
  readonly name?: string
  readonly all?: object
  readonly transient?: object
  readonly continuous?: object
  readonly oneTime?: object
}

const namespace = 'event_store.client.projections'
const path = `/${namespace}.Projections`

/** The service event_store.client.projections.Projections. */
export function projectionsMethods(messages: Messages, parts: ProjectionsParts): Methods {
  const administration = new Administration(parts)
  const states = new States(parts.store, parts.projections)
  const changing = <Options>(request: string, change: (options: Options) => Promise<void>) => {
    const codec = messages.codec<Asked<Options>, object>(`${namespace}.${request}`, 'event_store.client.Empty')
    return unary(codec, async ({ options }) => {
      if (options === null) throw new CallFailed('invalidArgument', 'The options are missing.')
      await change(options)
      return {}
    })
  }
  const asking = (answer: (options: Named & { readonly partition: string }) => Promise<string | undefined>) => {
    const codec = messages.codec<Asked<Named & { readonly partition: string }>, object>(
      `${namespace}.PartitionReq`,
      `${namespace}.ValueResp`,
    )
    return unary(codec, async ({ options }) => {
      if (options === null) throw new CallFailed('invalidArgument', 'The options are missing.')
      return { value: protobufValue(await answer(options)) }
    })
  }
  const restart = messages.codec<object, object>('event_store.client.Empty', 'event_store.client.Empty')
  return {
    [`${path}/Create`]: changing('CreateReq', (options: CreateOptions) => administration.create(options)),
    [`${path}/Update`]: changing('UpdateReq', (options: UpdateOptions) => administration.update(options)),
    [`${path}/Delete`]: changing('DeleteReq', (options: Named & Leftovers) =>
      administration.delete(options.name, options),
    ),
    [`${path}/Enable`]: changing('ChangeReq', ({ name }: Named) => administration.enable(name)),
    [`${path}/Disable`]: changing('ChangeReq', ({ name, writeCheckpoint }: Named & { writeCheckpoint: boolean }) =>
      administration.disable(name, writeCheckpoint ? 'stopped' : 'aborted'),
    ),
    [`${path}/Reset`]: changing('ChangeReq', ({ name }: Named) => administration.reset(name)),
    [`${path}/State`]: asking(async ({ name, partition }) =>
      states.stateOf(await administration.find(name), partition),
    ),
    [`${path}/Result`]: asking(async ({ name, partition }) =>
      states.resultOf(await administration.find(name), partition),
    ),
    [`${path}/Statistics`]: statistics(messages, parts, administration),
    [`${path}/RestartSubsystem`]: unary(restart, async () => {
      await parts.projections.restart()
      return {}
    }),
  }
}

function statistics(messages: Messages, parts: ProjectionsParts, administration: Administration) {
  const decode = messages.decoder<Asked<StatisticsOptions>>(`${namespace}.StatisticsReq`)
  const encode = messages.encoder<{ readonly details: Details }>(`${namespace}.StatisticsResp`)
  return serverStream(decode, async ({ options }, call) => {
    for (const details of await detailsFor(options ?? {}, parts, administration)) {
      await call.send(framed(encode({ details })))
    }
  })
}

async function detailsFor(
  options: StatisticsOptions,
  { store, projections }: ProjectionsParts,
  administration: Administration,
): Promise<readonly Details[]> {
  const head = await store.head()
  const { name } = options
  if (name !== undefined) {
    if (systemProjections.includes(name)) return [systemDetails(name, head)]
    if (name === '') throw notThere(name)
    return [await projectionDetails(projections, await administration.find(name), head)]
  }
  const modes = modesIn(options)
  const system = modes.includes('continuous') ? systemProjections.map((one) => systemDetails(one, head)) : []
  const registered = (await administration.all()).filter(({ mode }) => modes.includes(mode))
  return [...system, ...(await Promise.all(registered.map((one) => projectionDetails(projections, one, head))))]
}

function modesIn({ all, transient, continuous, oneTime }: StatisticsOptions): readonly Mode[] {
  if (all !== undefined) return ['continuous', 'one_time', 'transient']
  if (transient !== undefined) return ['transient']
  if (continuous !== undefined) return ['continuous']
  if (oneTime !== undefined) return ['one_time']
  throw new CallFailed('invalidArgument', 'It is not said whose statistics are wanted: a name, or a mode.')
}
