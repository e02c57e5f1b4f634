import { buffer } from 'node:stream/consumers'
import type { Command } from 'commander'
import { type AppendOptions, type ExpectedVersion, limits, type NewEvent } from 'varve'
import { exactJson, NumberLost } from '../exact-json.ts'
import { newEventsOf } from './event-file.ts'
import type { ExitCode } from './failure.ts'
import { examples } from './help.ts'
import { bytesOf } from './input.ts'
import { namedAsInCode } from './metadata-names.ts'
import { expectedVersion, gathered, jsonObject, refuseUsage, wholeNumber } from './options.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printResult } from './show.ts'
import { visible } from './visible.ts'

interface AppendFlags {
  readonly expected?: ExpectedVersion
  readonly id?: string
  readonly tag?: readonly string[]
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly schemaVersion?: number
  readonly contentType?: string
  readonly idempotencyKey?: string
  readonly file?: string
}

/** `varve append`: one event from the command line, or a file of them as one append. */
export function addAppend(program: Command, run: Run): void {
  const command = program
    .command('append')
    .summary('append an event, or a file of events, to a stream')
    .description(
      'Appends one event to a stream and tells where it landed; it is on disk then. With --file, the events of a file ' +
        'are one append: all or none.',
    )
    .argument('<stream>', 'the stream, as in Order-abc123')
    .argument('[type]', 'the event type, as in OrderPlaced')
    .argument('[data]', 'the payload as JSON; - reads it from standard input; left out: {}')
    .option(
      '--expected <version>',
      'the version the stream must be at: a number, any, no_stream, stream_exists',
      expectedVersion,
    )
    .option('--id <uuid>', 'the id of the event; repeating it appends nothing twice')
    .option('--tag <tag>', 'a tag, as in customer:cust-1; repeat for several', gathered)
    .option('--metadata <json>', 'a JSON object, as in {"user_id":"user-1"}', jsonObject)
    .option('--schema-version <number>', 'the version of the payload’s shape, from 1', wholeNumber)
    .option('--content-type <type>', 'takes the payload as bytes of this type instead of JSON')
    .option('--idempotency-key <key>', 'derives the ids, so that the same command sent twice is one append')
    .option('--file <file>', 'append the events of a file, one JSON line each; - is standard input')
  examples(command, [
    [`varve append Order-7 OrderPlaced '{"total_cents":1200}' --expected no_stream`, 'only if the order is new'],
    ['varve append Order-7 OrderPaid --expected 1 --idempotency-key req-42', 'safe to send again'],
    ['varve append Document-3 Uploaded - --content-type application/pdf < a.pdf', 'bytes'],
    ['varve append Order-7 --file events.ndjson', `lines of {"event_type":"…","data":{…}}`],
  ])
  command.action((stream: string, type: string | undefined, data: string | undefined, flags: AppendFlags) =>
    run(command, async (session) => {
      const events = await eventsFrom(session, type, data, flags)
      return appendEvents(session, stream, events, flags)
    }),
  )
}

async function eventsFrom(
  session: Session,
  type: string | undefined,
  data: string | undefined,
  flags: AppendFlags,
): Promise<readonly NewEvent[]> {
  if (flags.file === undefined) {
    if (type === undefined) refuseUsage('The event type is missing. Give it after the stream, or events with --file.')
    return [await eventFrom(session, type, data, flags)]
  }
  if (type !== undefined) refuseUsage('--file brings the types of its events. Leave out the event type and the data.')
  const { id, tag, metadata, schemaVersion, contentType } = flags
  if ([id, tag, metadata, schemaVersion, contentType].some((flag) => flag !== undefined)) {
    refuseUsage(
      '--id, --tag, --metadata, --schema-version and --content-type are about one event. Put them into the lines of the file.',
    )
  }
  return newEventsOf(flags.file, session)
}

async function eventFrom(
  session: Session,
  type: string,
  data: string | undefined,
  { id, tag, metadata, schemaVersion, contentType }: AppendFlags,
): Promise<NewEvent> {
  const bytes = data === '-' ? await standardInput(session) : Buffer.from(data ?? '{}')
  return {
    type,
    data: contentType === undefined ? payloadOf(bytes) : new Uint8Array(bytes),
    ...(id !== undefined && { id }),
    ...(tag !== undefined && { tags: tag }),
    ...(metadata !== undefined && { metadata: namedAsInCode(metadata) }),
    ...(schemaVersion !== undefined && { schemaVersion }),
    ...(contentType !== undefined && { contentType }),
  }
}

/** Reads no more than an event may hold: the rest would be refused anyway. */
async function standardInput(session: Session): Promise<Buffer> {
  async function* bounded(): AsyncGenerator<Buffer> {
    let bytes = 0
    for await (const chunk of bytesOf('-', session)) {
      bytes += chunk.length
      if (bytes > limits.eventBytes) {
        refuseUsage(
          `Standard input has more than the ${limits.eventBytes} bytes an event may hold. ` +
            'Put it into a blob store and its claim into the event: docs/guides/large-payloads.md.',
        )
      }
      yield chunk
    }
  }
  return buffer(bounded())
}

function payloadOf(bytes: Buffer): unknown {
  try {
    return exactJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    if (error instanceof NumberLost) refuseUsage(`The data ${error.message}, in a line of --file.`)
    return refuseUsage(
      `The data is not JSON: ${(error as Error).message}. Quote it for the shell, as in '{"a":1}', or say what it is with --content-type.`,
    )
  }
}

async function appendEvents(
  session: Session,
  stream: string,
  events: readonly NewEvent[],
  { expected, idempotencyKey }: AppendFlags,
): Promise<ExitCode | undefined> {
  const options: AppendOptions = {
    ...(expected !== undefined && { expectedVersion: expected }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    signal: session.signal,
  }
  const landed = await withStore(session, 'create', (store) => store.append(stream, events, options))
  const { firstVersion, version, firstPosition, position, eventIds, idempotent } = landed
  const result = {
    stream_id: stream,
    first_version: firstVersion,
    version,
    first_position: firstPosition,
    position,
    event_ids: eventIds,
    idempotent,
  }
  const where = `${visible(stream)} is at version ${version}, position ${position}`
  const forPerson = idempotent ? `Was there already: ${where}.` : `${where}.`
  await printResult(session, result, forPerson, [stream, version, position, eventIds.at(-1) ?? ''])
  return undefined
}
