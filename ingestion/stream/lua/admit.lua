-- Admit requests of one API key, in their order, each whole or not at all.
--
-- The parts of all that are admitted go into as few entries as hold them: an entry costs more than
-- the event in it, here, in the append-only file and in the drain.
--
-- KEYS: allowance, quota, waiting, accepted, stream, wake
-- ARGV: rate (events/s), burst (events), quota (events/month, -1: none), month (YYYYMM),
--       stream limit (events), project (hex), format version, API key's id, the most events
--       and bytes of an entry, then per request: parts, and per part: events, payload
-- Returns per request {outcome, events left of the allowance, retry after (ms), 1 if a drain must
--   be signalled} with outcome 0 accepted, 1 over the rate, 2 over the quota, 3 stream full.
redis.replicate_commands()

local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local quota, month, stream_limit = tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local project, version, api_key = ARGV[6], ARGV[7], ARGV[8]
local most_events, most_bytes = tonumber(ARGV[9]), tonumber(ARGV[10])

local waiting = tonumber(redis.call('HGET', KEYS[3], 'total')) or 0
local used = quota >= 0 and tonumber(redis.call('HGET', KEYS[2], month)) or 0
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local allowance = redis.call('HMGET', KEYS[1], 'tokens', 'at_ms')
local left, at_ms = tonumber(allowance[1]) or burst, tonumber(allowance[2]) or now_ms
-- A clock that went back counts as no time passed.
left = math.min(burst, left + math.max(0, now_ms - at_ms) * rate / 1000)

local replies, accepted, over_rate = {}, {}, false
local at, admitted = 11, 0
while at <= #ARGV do
  local last, events = at + 2 * tonumber(ARGV[at]), 0
  for i = at + 1, last, 2 do events = events + tonumber(ARGV[i]) end
  local reply
  if waiting + admitted + events > stream_limit then
    reply = {3, 0, 2000, 0}
  elseif quota >= 0 and used + admitted + events > quota then
    reply = {2, 0, 0, 0}
  elseif left < events then
    over_rate = true
    reply = {1, math.floor(left), math.ceil((events - left) * 1000 / rate), 0}
  else
    left, admitted = left - events, admitted + events
    for i = at + 1, last, 2 do accepted[#accepted + 1] = i end
    reply = {0, math.floor(left), 0, 0}
  end
  replies[#replies + 1] = reply
  at = last + 1
end

-- The first write is one that Redis refuses at maxmemory: a full Redis changes nothing.
-- A clock that went back is noted even so, or no time would pass until it has caught up.
if admitted > 0 or over_rate and now_ms < at_ms then
  redis.call('HSET', KEYS[1], 'tokens', string.format('%.3f', left), 'at_ms', now_ms)
end
if admitted == 0 then return replies end

redis.call('PEXPIRE', KEYS[1], math.ceil(burst * 1000 / rate) + 60000)
redis.call('HINCRBY', KEYS[2], month, admitted)
redis.call('HINCRBY', KEYS[2], month .. ':' .. api_key, admitted)
local days, parts, entry_events, entry_bytes = {}, {}, 0, 0
local function append()
  -- MessagePack: an array of up to 15, or of up to 65535 parts.
  local count = #parts
  local head = count < 16 and string.char(0x90 + count)
    or string.char(0xdc, math.floor(count / 256), count % 256)
  local id = redis.call('XADD', KEYS[5], '*', 'v', version, 'd', head .. table.concat(parts))
  local day = math.floor(tonumber(string.match(id, '^%d+')) / 86400000)
  days[day] = (days[day] or 0) + entry_events
  parts, entry_events, entry_bytes = {}, 0, 0
end
for _, i in ipairs(accepted) do
  local events, payload = tonumber(ARGV[i]), ARGV[i + 1]
  if #parts > 0
    and (entry_events + events > most_events or entry_bytes + #payload > most_bytes) then
    append()
  end
  parts[#parts + 1] = payload
  entry_events, entry_bytes = entry_events + events, entry_bytes + #payload
end
append()
for day, events in pairs(days) do
  redis.call('HINCRBY', KEYS[4], project .. ':' .. day, events)
  redis.call('HINCRBY', KEYS[3], project .. ':' .. day, events)
end
redis.call('HINCRBY', KEYS[3], 'total', admitted)
if redis.call('SET', KEYS[6], '1', 'NX', 'PX', 5000) then
  for _, reply in ipairs(replies) do
    if reply[1] == 0 then
      reply[4] = 1
      break
    end
  end
end
return replies
