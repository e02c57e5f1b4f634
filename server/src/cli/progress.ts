import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'
import type { OutputStream } from './terminal.ts'

/**
 * One line on a terminal that shows how far long work is: a bar, the rate, the time left. Written here because the
 * progress bars at hand take over standard input (an import reads its events from there) and end the process
 * themselves on Ctrl-C, before a batch under way is done.
 */
export interface Progress {
  /** Tells how much is done: events for the rate, `doneOf` of `total` for the bar. */
  update(events: number, doneOf: number): void
  /** Removes the line. */
  end(): void
}

/** What a progress line says and where. */
export interface ProgressOptions {
  /** The work, as in `Exporting`. */
  readonly label: string
  /** What is counted. Default: events. */
  readonly counted?: string
  /** What the bar counts up to; 0 when nobody knows, which leaves out the bar and the time left. */
  readonly total: number
  readonly stderr: OutputStream
  /** False draws nothing at all. */
  readonly isOn: boolean
  /** Milliseconds since any moment. */
  readonly now: () => number
}

/** The eye does not follow more; drawing costs about 20 µs. */
const redrawMs = 100
const barChars = 16

/** A progress line. Nothing is drawn before the work has taken a moment, so that short work stays quiet. */
export function createProgress({ label, counted = 'events', total, stderr, isOn, now }: ProgressOptions): Progress {
  if (!isOn) return { update: () => undefined, end: () => undefined }
  const startedAt = now()
  let drawnAt = startedAt
  let isDrawn = false
  return {
    update: (events, doneOf) => {
      const at = now()
      if (at - drawnAt < redrawMs) return
      drawnAt = at
      isDrawn = true
      const line = progressLine({
        label,
        counted,
        events,
        fraction: fractionOf(doneOf, total),
        elapsedMs: at - startedAt,
      })
      stderr.write(`\r${fitted(line, stderr)}\u001b[K`)
    },
    end: () => {
      if (isDrawn) stderr.write('\r\u001b[K')
    },
  }
}

/** A moment of long work. */
export interface Moment {
  readonly label: string
  readonly counted?: string
  readonly events: number
  /** From 0 to 1; undefined when the end is not known. */
  readonly fraction: number | undefined
  readonly elapsedMs: number
}

/** The text of a progress line. */
export function progressLine({ label, counted: name = 'events', events, fraction, elapsedMs }: Moment): string {
  const rate = elapsedMs === 0 ? 0 : Math.round((events * 1000) / elapsedMs)
  const counted = `${counting(events)} ${name}  ${counting(rate)}/s`
  if (fraction === undefined) return `${label}  ${counted}`
  const full = Math.floor(fraction * barChars)
  const bar = '█'.repeat(full) + '░'.repeat(barChars - full)
  const percent = `${Math.floor(fraction * 100)} %`.padStart(5)
  const left = fraction === 0 ? '' : `  ${duration((elapsedMs / fraction) * (1 - fraction))} left`
  return `${label}  ${bar} ${percent}  ${counted}${left}`
}

/** A count as people read it. */
export function counting(count: number): string {
  return count.toLocaleString('en-US')
}

/** A duration as people read it. */
export function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

function fractionOf(doneOf: number, total: number): number | undefined {
  return total > 0 ? Math.min(1, doneOf / total) : undefined
}

/** A line longer than the terminal would wrap, and the next one could not draw over it. */
function fitted(line: string, stderr: OutputStream): string {
  const text = line.slice(0, (stderr.columns ?? 80) - 1)
  return styleText('cyan', text, { stream: stderr as WriteStream })
}
