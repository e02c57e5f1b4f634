import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serverConfig } from '../config.ts'
import { type RunningServer, startServer } from '../server.ts'

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>
}

let server: RunningServer
let paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>

beforeAll(async () => {
  server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
  const description = (await (await fetch(`${server.url}/openapi.json`)).json()) as { paths: typeof paths }
  paths = description.paths
})
afterAll(() => server.close())

describe('the description of the API', () => {
  it.each([
    ['get /streams/{stream_id}/events', '200', ['application/json', 'application/x-ndjson']],
    ['get /events', '200', ['application/json', 'application/x-ndjson']],
    ['post /events/query', '200', ['application/json', 'application/x-ndjson']],
    ['post /events', '201', ['application/json']],
    ['post /events', 'default', ['application/problem+json']],
    ['get /subscribe', '200', ['text/event-stream']],
    ['post /subscribe', 'default', ['application/problem+json']],
    ['put /groups/{group}', '201', ['application/json']],
    ['get /groups/{group}/events', '200', ['application/json']],
    ['get /groups/{group}/subscribe', '200', ['text/event-stream']],
    ['get /health/ready', '503', ['application/json']],
    ['get /metrics', '200', ['text/plain']],
    ['get /projections/{name}', 'default', ['application/problem+json']],
    ['get /projections/{name}/parked', '200', ['application/json', 'application/x-ndjson']],
    ['post /projections/{name}/rebuild', '202', ['application/json']],
  ])('says what %s answers with status %s', (route, status, mediaTypes) => {
    expect(Object.keys(operation(route).responses[status]?.content ?? {})).toEqual(mediaTypes)
  })

  it.each([
    ['post /streams/{stream_id}/events', ['if-match', 'if-none-match', 'idempotency-key']],
    ['post /events', ['idempotency-key']],
    ['put /streams/{stream_id}/metadata', ['if-match', 'if-none-match']],
    ['delete /streams/{stream_id}', ['if-match', 'if-none-match']],
    ['post /streams/{stream_id}/tombstone', ['if-match', 'if-none-match']],
    ['get /subscribe', ['last-event-id']],
    ['post /subscribe', ['last-event-id']],
  ])('names the headers that %s takes', (route, names) => {
    const { parameters = [] } = operation(route)
    expect(parameters.flatMap((one) => (one.in === 'header' ? [one.name] : []))).toEqual(names)
  })
})

function operation(route: string): Operation {
  const [verb = '', path = ''] = route.split(' ')
  const found = paths[path]?.[verb]
  if (found === undefined) throw new Error(`${route} is not described`)
  return found
}
