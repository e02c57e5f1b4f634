import type { IncomingHttpHeaders } from 'node:http2'
import { type Access, openAccess, type Role } from '../auth/access.ts'
import type { Security } from '../auth/security.ts'

/**
 * What it takes to call a method: nothing, a role, or what the method itself asks for once it knows the stream or the user
 * that a request is about (`call.access`).
 */
type Need = Role | 'nothing' | 'asks'

const client = '/event_store.client'
const streams = `${client}.streams.Streams`
const streamsV2 = '/kurrentdb.protocol.v2.streams.StreamsService'
const operations = `${client}.operations.Operations`
const users = `${client}.users.Users`
const persistent = `${client}.persistent_subscriptions.PersistentSubscriptions`
const projections = `${client}.projections.Projections`

/**
 * The needs of each method, as KurrentDB has them. A method that is not listed is for admins only: a new one is closed until
 * somebody has thought about it.
 */
const needs: Readonly<Record<string, Need>> = {
  [`${client}.server_features.ServerFeatures/GetSupportedMethods`]: 'nothing',
  [`${client}.gossip.Gossip/Read`]: 'nothing',
  [`${client}.monitoring.Monitoring/Stats`]: 'user',
  [`${streams}/Append`]: 'asks',
  [`${streams}/BatchAppend`]: 'asks',
  [`${streams}/Read`]: 'asks',
  [`${streams}/Delete`]: 'asks',
  [`${streams}/Tombstone`]: 'asks',
  [`${streamsV2}/AppendSession`]: 'asks',
  [`${streamsV2}/AppendRecords`]: 'asks',
  [`${operations}/StartScavenge`]: 'operator',
  [`${operations}/StopScavenge`]: 'operator',
  [`${operations}/Shutdown`]: 'operator',
  [`${operations}/MergeIndexes`]: 'operator',
  [`${operations}/ResignNode`]: 'operator',
  [`${operations}/SetNodePriority`]: 'operator',
  [`${operations}/RestartPersistentSubscriptions`]: 'operator',
  [`${persistent}/Create`]: 'operator',
  [`${persistent}/Update`]: 'operator',
  [`${persistent}/Delete`]: 'operator',
  [`${persistent}/ReplayParked`]: 'operator',
  [`${persistent}/RestartSubsystem`]: 'operator',
  [`${persistent}/Read`]: 'asks',
  [`${persistent}/GetInfo`]: 'user',
  [`${persistent}/List`]: 'user',
  // A projection reads all streams, whoever has written it, and its state is made of them.
  [`${projections}/Create`]: 'operator',
  [`${projections}/Update`]: 'operator',
  [`${projections}/Delete`]: 'operator',
  [`${projections}/Enable`]: 'operator',
  [`${projections}/Disable`]: 'operator',
  [`${projections}/Reset`]: 'operator',
  [`${projections}/State`]: 'operator',
  [`${projections}/Result`]: 'operator',
  [`${projections}/RestartSubsystem`]: 'operator',
  [`${projections}/Statistics`]: 'user',
  // Of oneself: the method knows of whom.
  [`${users}/Details`]: 'asks',
  [`${users}/ChangePassword`]: 'asks',
}

/**
 * Lets a call in, or throws what it is refused with. Credentials that are wrong are refused everywhere; whoever has none is
 * let in where nothing is needed.
 */
export function admitTo(
  security: Security,
): (method: string, headers: IncomingHttpHeaders) => Access | Promise<Access> {
  return (method, { authorization }) => {
    const access = security.admit(authorization)
    if (access === openAccess) return access
    const need = needs[method] ?? 'admin'
    return access instanceof Promise ? access.then((known) => needed(known, need)) : needed(access, need)
  }
}

function needed(access: Access, need: Need): Access | Promise<Access> {
  const asked = need === 'nothing' || need === 'asks' ? undefined : access.as(need)
  return asked === undefined ? access : asked.then(() => access)
}
