import type { StreamRight } from './access.ts'

/**
 * Access control lists in KurrentDB's words: for each right who has it, by login or by group. `$all` stands for everybody who
 * has logged in. Members of `$admins` have every right, whatever a list says.
 */
export type Acl = Readonly<Partial<Record<StreamRight, readonly string[]>>>

/** The lists of streams that have none of their own, or say nothing on a right. */
export interface DefaultAcls {
  readonly userStreams: Acl
  readonly systemStreams: Acl
}

/** Who asks. */
export interface Member {
  readonly login: string
  readonly groups: readonly string[]
}

/** The group whose members may do everything. */
export const adminsGroup = '$admins'

/** The group of those who run the server. */
export const operatorsGroup = '$ops'

const everybody = '$all'

const keys: Readonly<Record<StreamRight, string>> = {
  read: '$r',
  write: '$w',
  delete: '$d',
  read_metadata: '$mr',
  write_metadata: '$mw',
}

/** The rights of an access control list. */
export const streamRights = Object.keys(keys) as readonly StreamRight[]

/** Until the stream `$settings` says something else. */
export const builtInAcls: DefaultAcls = {
  userStreams: allRights([everybody]),
  systemStreams: allRights([adminsGroup]),
}

/** Whether someone has a right to a stream, by the stream's own list, or else by the default. */
export function isAllowed(
  { login, groups }: Member,
  right: StreamRight,
  stream: string,
  own: Acl | undefined,
  defaults: DefaultAcls,
): boolean {
  if (groups.includes(adminsGroup)) return true
  const otherwise = stream.startsWith('$') ? defaults.systemStreams : defaults.userStreams
  const names = own?.[right] ?? otherwise[right] ?? []
  return names.some((name) => name === everybody || name === login || groups.includes(name))
}

/**
 * The list in a stream's metadata; undefined when there is none. What cannot be understood gives a right to nobody: the one
 * who wrote it wanted to keep somebody out.
 */
export function aclIn(metadata: unknown): Acl | undefined {
  const given = isObject(metadata) ? metadata.$acl : undefined
  return given === undefined || given === null ? undefined : aclFrom(given)
}

/** The default lists in the last event of `$settings`. What it does not say is as built in. */
export function defaultAclsIn(settings: unknown): DefaultAcls {
  const { $userStreamAcl: user, $systemStreamAcl: system } = isObject(settings) ? settings : {}
  return {
    userStreams: { ...builtInAcls.userStreams, ...(isGiven(user) && aclFrom(user)) },
    systemStreams: { ...builtInAcls.systemStreams, ...(isGiven(system) && aclFrom(system)) },
  }
}

function aclFrom(given: unknown): Acl {
  if (!isObject(given)) return allRights([])
  const said = streamRights.filter((right) => isGiven(given[keys[right]]))
  return Object.fromEntries(said.map((right) => [right, namesIn(given[keys[right]])]))
}

function namesIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : []
}

function allRights(names: readonly string[]): Acl {
  return Object.fromEntries((Object.keys(keys) as StreamRight[]).map((right) => [right, names]))
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
