import type { Command } from 'commander'
import type { ExpectedVersion, StreamMetadata, StreamMetadataValues } from 'varve'
import type { ExitCode } from './failure.ts'
import { examples } from './help.ts'
import { expectedVersion, jsonObject, refuseUsage } from './options.ts'
import { type Run, type Session, withStore } from './session.ts'
import { printResult } from './show.ts'
import { visible } from './visible.ts'

interface MetadataFlags {
  readonly set?: Readonly<Record<string, unknown>>
  readonly expected?: ExpectedVersion
}

/** `varve metadata`: what is kept about a stream. */
export function addMetadata(program: Command, run: Run): void {
  const command = program
    .command('metadata')
    .summary("print or replace a stream's metadata")
    .description(
      "Prints a stream's metadata and its version as JSON, or replaces all of it with --set. The key truncate_before " +
        'hides the events before that version; leaving it out shows them again.',
    )
    .argument('<stream>', 'the stream')
    .option('--set <json>', 'the new metadata, a JSON object', jsonObject)
    .option('--expected <version>', 'with --set: the version the metadata must be at', expectedVersion)
  examples(command, [
    ['varve metadata Order-7', 'what there is'],
    [`varve metadata Order-7 --set '{"owner":"billing"}' --expected 0`, 'only if there was none'],
  ])
  command.action((stream: string, flags: MetadataFlags) =>
    run(command, (session) =>
      flags.set === undefined ? show(session, stream, flags) : replace(session, stream, flags),
    ),
  )
}

async function show(session: Session, stream: string, { expected }: MetadataFlags): Promise<ExitCode | undefined> {
  if (expected !== undefined) refuseUsage('--expected is about a change. Give the new metadata with --set.')
  const { signal } = session
  const metadata = await withStore(session, 'existing', (store) => store.getStreamMetadata(stream, { signal }))
  const shown = { stream_id: stream, version: metadata.version, values: wireValues(metadata) }
  await session.terminal.print(
    session.json || !session.terminal.isRead ? JSON.stringify(shown) : JSON.stringify(shown, undefined, 2),
  )
  return undefined
}

async function replace(session: Session, stream: string, flags: MetadataFlags): Promise<ExitCode | undefined> {
  const { set = {}, expected } = flags
  const { truncate_before: truncateBefore, ...rest } = set
  const values = { ...rest, ...(truncateBefore !== undefined && { truncateBefore }) } as StreamMetadataValues
  const options = { ...(expected !== undefined && { expectedVersion: expected }), signal: session.signal }
  const { position } = await withStore(session, 'existing', (store) => store.setStreamMetadata(stream, values, options))
  const forPerson = `The metadata of ${visible(stream)} is replaced, position ${position}.`
  await printResult(session, { stream_id: stream, position, changed: true }, forPerson, [stream, position])
  return undefined
}

/** Files, pipes and the HTTP API speak the names of the wire. */
function wireValues({ values }: StreamMetadata): Readonly<Record<string, unknown>> {
  const { truncateBefore, ...rest } = values
  return { ...rest, ...(truncateBefore !== undefined && { truncate_before: truncateBefore }) }
}
