import type { Command } from 'commander'
import type { StreamInfo } from 'varve'
import type { ExitCode } from './failure.ts'
import { examples } from './help.ts'
import { wholeNumber } from './options.ts'
import { type Run, type Session, withStore } from './session.ts'
import { fateOf, streamJson, tabbed } from './show.ts'
import { visible } from './visible.ts'

interface StreamsFlags {
  readonly after?: string
  readonly limit?: number
  readonly system?: boolean
}

/** `varve streams`: which streams there are. */
export function addStreams(program: Command, run: Run): void {
  const command = program
    .command('streams')
    .summary('list streams')
    .description(
      'Lists streams with their version and what became of them, ordered by name. In a pipe: name, version, state ' +
        '(open, truncated, deleted, tombstoned), first visible version, separated by tabs.',
    )
    .argument('[prefix]', 'streams whose id begins with this; left out: all')
    .option('--after <stream>', 'begin behind this stream')
    .option('--limit <count>', 'streams at the most', wholeNumber)
    .option('--system', 'also the streams that hold facts about streams ($$…)')
  examples(command, [
    ['varve streams Order-', 'the streams of one category'],
    ['varve streams --json | jq -r .stream_id', 'names only'],
    ["varve streams | cut -f1,2 | sort -t$'\\t' -k2nr | head", 'the longest streams'],
  ])
  command.action((prefix: string | undefined, flags: StreamsFlags) =>
    run(command, (session) => listStreams(session, prefix ?? '', flags)),
  )
}

async function listStreams(session: Session, prefix: string, flags: StreamsFlags): Promise<ExitCode | undefined> {
  const { terminal, json, signal } = session
  const isShown = ({ streamId }: StreamInfo): boolean =>
    flags.system === true || prefix.startsWith('$') || !streamId.startsWith('$$')
  return withStore(session, 'existing', async (store) => {
    let left = flags.limit ?? Number.POSITIVE_INFINITY
    const listing = store.streams({ prefix, ...(flags.after !== undefined && { after: flags.after }), signal })
    if (left === 0) return undefined
    for await (const stream of listing) {
      if (!isShown(stream)) continue
      await terminal.print(json ? JSON.stringify(streamJson(stream)) : streamLine(session, stream))
      if (--left === 0) break
    }
    return undefined
  })
}

function streamLine({ terminal }: Session, stream: StreamInfo): string {
  const { streamId, version, truncateBefore } = stream
  const fate = fateOf(stream)
  if (!terminal.isRead) return tabbed([streamId, version, fate, truncateBefore])
  const says = {
    open: '',
    truncated: `  hidden before ${truncateBefore}`,
    deleted: '  deleted',
    tombstoned: '  tombstoned',
    empty: '  only facts about it',
  }[fate]
  const name = terminal.styled('cyan', visible(streamId))
  return `${String(version).padStart(7)}  ${name}${says === '' ? '' : terminal.styled('yellow', says)}`
}
