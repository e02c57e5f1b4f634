import { type Methods, unary } from './grpc/method.ts'
import type { Messages } from './protobuf/messages.ts'

interface SupportedMethods {
  readonly methods: readonly SupportedMethod[]
  readonly eventStoreServerVersion: string
}

interface SupportedMethod {
  readonly methodName: string
  readonly serviceName: string
  readonly features: readonly string[]
}

const path = '/event_store.client.server_features.ServerFeatures/GetSupportedMethods'

/** The version of KurrentDB whose protocol is spoken: clients compare it as a semantic version. */
export const protocolVersion = '26.1.0'

/** What a method can do beyond being there. */
const features: Readonly<Record<string, readonly string[]>> = {
  'event_store.client.streams.streams/read': ['position', 'events'],
  'event_store.client.streams.streams/batchappend': ['deadline_duration'],
  'event_store.client.projections.projections/create': ['track_emitted_streams'],
}

/** What every method of the service for persistent subscriptions can do: clients ask each of them. */
const persistentFeatures = ['stream', 'all']

function featuresOf(service: string, listed: string): readonly string[] {
  if (service === 'event_store.client.persistent_subscriptions.persistentsubscriptions') return persistentFeatures
  return features[listed] ?? []
}

/** Tells a client, first of all, which methods there are. What is not listed it does in another way or not at all. */
export function serverFeatures(messages: Messages, others: Methods): Methods {
  const codec = messages.codec<object, SupportedMethods>(
    'event_store.client.Empty',
    'event_store.client.server_features.SupportedMethods',
  )
  // In lower case: most clients compare the names as they are.
  const methods = [path, ...Object.keys(others)].map((name): SupportedMethod => {
    const listed = name.slice(1).toLowerCase()
    const [serviceName = '', methodName = ''] = listed.split('/')
    return { serviceName, methodName, features: featuresOf(serviceName, listed) }
  })
  return { [path]: unary(codec, () => ({ methods, eventStoreServerVersion: protocolVersion })) }
}
