/**
 * What Redis does for a target, each a script, which Redis carries out whole and by itself.
 *
 * A script that fails half way is not rolled back. So the one that writes looks at everything first, in a way that leaves
 * nothing to fail: the type of each key, each number that is to be added to, each right of the user. What may stop it
 * after that, Redis decides before a script's first change, or not at all: no memory left, a replica, a disk that is full.
 */
import { createHash } from 'node:crypto'
import { type Form, isCursor, isPage, isRead, isSaid } from './answers.ts'

/** A script, with the digest under which Redis remembers it. */
export interface Script {
  readonly text: string
  readonly digest: string
  /** That of its answer. */
  readonly form: Form
}

/** Whether a script said 1: clients may be set up to give numbers as texts. */
export function isYes(said: unknown): boolean {
  return Number(said) === 1
}

function script(form: Form, text: string): Script {
  return { text, digest: createHash('sha1').update(text).digest('hex'), form }
}

/**
 * Carries out one write. Keys: the index, the record of the generation, and each key that is changed. Arguments: projection,
 * birth of the generation, '' for 0, which is never dropped; checkpoint name, what is expected ('any', 'none', 'is'), expected text,
 * next text, token of this write, life of the generation, the life that begins, '' where it goes on; then for each key its kind, '1' when it begins anew, the number of its changes,
 * and of each the member, what is done (= + -) and the value.
 *
 * Whole numbers of at most 18 digits are added to, by as many at most, so that no sum leaves 64 bits.
 */
export const writeScript: Script = script(
  isSaid,
  `
local index, record = KEYS[1], KEYS[2]
local projection, birth, name = ARGV[1], ARGV[2], ARGV[3]
local mode, expected, next, token, life, empties = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9] ~= ''
local kinds = { s = 'string', h = 'hash', z = 'zset', e = 'set' }
local commands = {
  ['s='] = 'SET', ['s+'] = 'INCRBY', ['h='] = 'HSET', ['h+'] = 'HINCRBY', ['h-'] = 'HDEL',
  ['z='] = 'ZADD', ['z+'] = 'ZINCRBY', ['z-'] = 'ZREM', ['e='] = 'SADD', ['e-'] = 'SREM',
}

local owner = redis.call('HGET', index, 'projection')
if empties and owner and owner ~= projection then return { 'owner', owner } end
if redis.call('HGET', record, 'by:' .. name) == token then
  return { 'done', redis.call('HGET', record, 'litter') or '' }
end
if redis.call('HEXISTS', record, 'dropped') == 1 or (redis.call('HGET', record, 'birth') or '') ~= birth then
  return { 'conflict' }
end
local known = redis.call('HGET', record, 'life') or '0'
local found = redis.call('HGET', record, 'at:' .. name)
if mode == 'none' and found then return { 'conflict' } end
if mode == 'is' and found ~= expected then return { 'conflict' } end
if life ~= known then return { 'life', known } end

local function allows(...)
  return not redis.acl_check_cmd or redis.acl_check_cmd(...)
end

local function isWhole(text)
  return #text <= 19 and (string.match(text, '^-?[1-9]%d*$') or text == '0') and #string.gsub(text, '-', '') <= 18
end

local function each(visit)
  local at = 10
  for key = 3, #KEYS do
    local kind, anew, count = ARGV[at], ARGV[at + 1] == '1', tonumber(ARGV[at + 2])
    at = at + 3
    local refusal = visit(KEYS[key], kind, anew, at, count)
    if refusal then return { refusal[1], tostring(key - 3), refusal[2] } end
    at = at + 3 * count
  end
end

-- Asked each time, since it may be set at any: what it drops would be missing, and nothing would ever tell.
local info = allows('INFO') and redis.pcall('INFO', 'memory')
local evicts = type(info) == 'string' and not string.find(info, 'maxmemory:0%s') and string.match(info, 'maxmemory_policy:(allkeys%-%w+)')
if evicts then return { 'evicts', evicts } end

if not allows('DEL', record) or not allows('HSET', record, '1', '1') then return { 'denied', '', 'DEL or HSET' } end
local refusal = each(function(key, kind, anew, at, count)
  local kept = not anew and not empties
  if not allows('UNLINK', key) then return { 'denied', 'UNLINK' } end
  local type = redis.call('TYPE', key).ok
  if kept and count > 0 and type ~= 'none' and type ~= kinds[kind] then return { 'type', type } end
  local asked = {}
  for change = at, at + 3 * count - 1, 3 do
    local member, does = ARGV[change], kind .. ARGV[change + 1]
    if not asked[does] then
      asked[does] = true
      local may
      if does == 's=' or does == 's+' or does == 'h-' or does == 'z-' or kind == 'e' then may = allows(commands[does], key, '1')
      else may = allows(commands[does], key, '1', '1') end
      if not may then return { 'denied', commands[does] } end
    end
    if kept and (does == 's+' or does == 'h+') then
      local value = does == 's+' and redis.call('GET', key) or does == 'h+' and redis.call('HGET', key, member)
      if value and not isWhole(value) then return { 'number', member } end
    end
    if kept and does == 'z+' then
      local sum = tonumber(redis.call('ZSCORE', key, member) or '0') + tonumber(ARGV[change + 2])
      if sum ~= sum or math.abs(sum) == math.huge then return { 'infinite', member } end
    end
  end
end)
if refusal then return refusal end

local lives = known
if empties then
  lives = ARGV[9]
  redis.call('DEL', record)
  redis.call('HSET', record, 'litter', '1')
  if birth ~= '' then redis.call('HSET', record, 'birth', birth) end
  redis.call('HSET', index, 'projection', projection)
end
redis.call('HSET', record, 'life', lives, 'at:' .. name, next, 'by:' .. name, token)
local shown, generation = redis.call('HGET', index, 'shown'), string.match(record, ':g(%d+)$')
-- Whichever life of it they see: where the record was lost it is not the one before.
if (not shown and birth == '') or (shown and string.match(shown, '^%d+') == generation) then
  redis.call('HSET', index, 'shown', generation .. '.' .. lives)
end

each(function(key, kind, anew, at, count)
  if anew then redis.call('UNLINK', key) end
  for change = at, at + 3 * count - 1, 3 do
    local member, does, value = ARGV[change], kind .. ARGV[change + 1], ARGV[change + 2]
    local command = commands[does]
    if kind == 's' then redis.call(command, key, value)
    elseif does == 'h=' or does == 'h+' then redis.call(command, key, member, value)
    elseif does == 'z=' or does == 'z+' then redis.call(command, key, value, member)
    else redis.call(command, key, member) end
  end
end)
return { 'done', redis.call('HGET', record, 'litter') or '' }
`,
)

/**
 * Carries out a command that reads, where a build is what the caller takes it for. Keys: a hash that says so, and the key to
 * read. Arguments: the field that says so, what it says where it is missing, what the caller believes, the command, its arguments.
 */
export const readScript: Script = script(
  isRead,
  `
local now = redis.call('HGET', KEYS[1], ARGV[1]) or ARGV[2]
if now ~= ARGV[3] then return { 0, now } end
return { 1, redis.call(ARGV[4], KEYS[2], unpack(ARGV, 5)) }
`,
)

/** Makes a generation where there is none, and gives its birth. Keys: index, record. Arguments: projection, birth of a new one. */
export const openScript: Script = script(
  isSaid,
  `
local owner = redis.call('HGET', KEYS[1], 'projection')
if owner and owner ~= ARGV[1] then return { 'owner', owner } end
if redis.call('HEXISTS', KEYS[2], 'dropped') == 1 then return { 'dropped' } end
redis.call('HSET', KEYS[1], 'projection', ARGV[1])
if redis.call('HSETNX', KEYS[2], 'birth', ARGV[2]) == 1 then redis.call('HSET', KEYS[2], 'life', '0') end
return { 'done', redis.call('HGET', KEYS[2], 'birth') }
`,
)

/** Shows a generation to readers. Keys: index, record. Arguments: projection, generation. */
export const publishScript: Script = script(
  isSaid,
  `
local life = redis.call('HGET', KEYS[2], 'life')
local isOwn = redis.call('HGET', KEYS[1], 'projection') == ARGV[1]
if not isOwn or not life or redis.call('HEXISTS', KEYS[2], 'dropped') == 1 then return { 'missing' } end
redis.call('HSET', KEYS[1], 'shown', ARGV[2] .. '.' .. life)
return { 'done' }
`,
)

/** Marks a generation as dropped: nobody writes to it from then on. Keys: index, record. Arguments: projection, generation. */
export const dropScript: Script = script(
  isSaid,
  `
if redis.call('HGET', KEYS[1], 'projection') ~= ARGV[1] then return { 'missing' } end
local shown = redis.call('HGET', KEYS[1], 'shown') or ''
if string.sub(shown, 1, #ARGV[2] + 1) == ARGV[2] .. '.' then return { 'published' } end
redis.call('HSET', KEYS[2], 'dropped', '1')
return { 'done' }
`,
)

const escaped = `
local function escaped(text) return (string.gsub(text, '[%*%?%[%]%^\\\\-]', '\\\\%0')) end
`

/**
 * Removes some of the keys that no life of a generation needs any more, all of a dropped one, and at the end the mark that there
 * are such. Keys: the record. Arguments: cursor, how many to look at, the life that it was at the beginning.
 */
export const sweepScript: Script = script(
  isCursor,
  `${escaped}
local record, dropped = KEYS[1], redis.call('HEXISTS', KEYS[1], 'dropped') == 1
local life = redis.call('HGET', record, 'life') or '0'
local kept = record .. ':' .. life .. ':'
local page = redis.call('SCAN', ARGV[1], 'MATCH', escaped(record) .. ':*', 'COUNT', ARGV[2])
for _, key in ipairs(page[2]) do
  if dropped or string.sub(key, 1, #kept) ~= kept then redis.call('UNLINK', key) end
end
if page[1] == '0' then
  if dropped then redis.call('DEL', record)
  elseif life == ARGV[3] then redis.call('HDEL', record, 'litter') end
end
return page[1]
`,
)

/** Lists some of the keys of a generation, without what they begin with. Keys: the record. Arguments: cursor, how many, life. */
export const listScript: Script = script(
  isPage,
  `${escaped}
local life = redis.call('HGET', KEYS[1], 'life')
if life ~= ARGV[3] or redis.call('HEXISTS', KEYS[1], 'dropped') == 1 then return { 'gone' } end
local begin = KEYS[1] .. ':' .. life .. ':'
local page = redis.call('SCAN', ARGV[1], 'MATCH', escaped(begin) .. '*', 'COUNT', ARGV[2])
local names = {}
for _, key in ipairs(page[2]) do names[#names + 1] = string.sub(key, #begin + 1) end
return { page[1], names }
`,
)
