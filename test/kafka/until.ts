import { setTimeout as pause } from 'node:timers/promises'

/** Waits until something is so; the test's own timeout says for how long. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await pause(20)
}
