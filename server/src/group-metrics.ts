import { Gauge, type Registry } from 'prom-client'
import { type EventStore, type GroupInfo, groupInfo, isVarveError, listGroups } from 'varve'

/** Groups that are counted at the most: each has its own numbers, and is looked at whenever they are asked for. */
const groupsMax = 100

const numbers: Readonly<Record<string, readonly [help: string, of: (info: GroupInfo) => number]>> = {
  varve_group_in_flight: ['Events that programs have for their consumers.', ({ inFlight }) => inFlight],
  varve_group_waiting: ['Events taken in that nobody has.', ({ waiting }) => waiting],
  varve_group_parked: ['Events put aside.', ({ parked }) => parked],
  varve_group_lag_events: [
    'Events that are not finished; more than ten thousand are not counted.',
    ({ lagEvents }) => lagEvents,
  ],
  varve_group_acked: ['Events acknowledged since the group was created.', ({ acked }) => acked],
  varve_group_stopped: [
    '1 when the group was stopped and delivers nothing.',
    ({ status }) => (status === 'stopped' ? 1 : 0),
  ],
  varve_group_consumers: [
    'Consumers, in all programs.',
    ({ members }) => members.reduce((sum, { consumers }) => sum + consumers.length, 0),
  ],
}

/** Numbers of consumer groups, read when they are asked for: what they were before may be another program's by now. */
export function registerGroupMetrics(registry: Registry, store: EventStore): () => Promise<void> {
  const gauges = Object.entries(numbers).map(([name, [help, of]]) => {
    const gauge = new Gauge({ name, help, labelNames: ['group'] as const, registers: [registry] })
    return { gauge, of }
  })

  return async () => {
    const infos = await infosOf(store)
    // A group that was deleted has no numbers any more.
    for (const { gauge, of } of gauges) {
      gauge.reset()
      for (const info of infos) gauge.set({ group: info.group }, of(info))
    }
  }
}

async function infosOf(store: EventStore): Promise<readonly GroupInfo[]> {
  const infos: GroupInfo[] = []
  for await (const { group } of listGroups(store, { limit: groupsMax })) {
    try {
      infos.push(await groupInfo(store, group))
    } catch (error) {
      if (!isVarveError(error, 'GROUP_NOT_FOUND')) throw error
    }
  }
  return infos
}
