-- Admit the entries of one request, all or none.
--
-- KEYS: bucket, quota, waiting, accepted, stream, wake
-- ARGV: rate (events/s), burst (events), quota (events/month, -1: none), month (YYYYMM),
--       stream limit (events), project (hex), format version, API key's id,
--       then per entry: events, payload
-- Returns {outcome, remaining tokens, retry after (ms), 1 if a drain must be signalled}
--   with outcome 0 accepted, 1 over the rate, 2 over the quota, 3 stream full.
redis.replicate_commands()

local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local quota, stream_limit = tonumber(ARGV[3]), tonumber(ARGV[5])
local project = ARGV[6]
local events = 0
for i = 9, #ARGV, 2 do events = events + tonumber(ARGV[i]) end

local waiting = tonumber(redis.call('HGET', KEYS[3], 'total')) or 0
if waiting + events > stream_limit then return {3, 0, 2000, 0} end

if quota >= 0 then
  local used = tonumber(redis.call('HGET', KEYS[2], ARGV[4])) or 0
  if used + events > quota then return {2, 0, 0, 0} end
end

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at_ms')
local tokens, at_ms = tonumber(bucket[1]) or burst, tonumber(bucket[2]) or now_ms
-- A clock that went back counts as no time passed.
tokens = math.min(burst, tokens + math.max(0, now_ms - at_ms) * rate / 1000)
if tokens < events then
  if now_ms < at_ms then -- or none would pass until the clock has caught up
    redis.call('HSET', KEYS[1], 'tokens', string.format('%.3f', tokens), 'at_ms', now_ms)
  end
  return {1, math.floor(tokens), math.ceil((events - tokens) * 1000 / rate), 0}
end

-- The first write is one that Redis refuses at maxmemory: a full Redis changes nothing.
tokens = tokens - events
redis.call('HSET', KEYS[1], 'tokens', string.format('%.3f', tokens), 'at_ms', now_ms)
redis.call('PEXPIRE', KEYS[1], math.ceil(burst * 1000 / rate) + 60000)
redis.call('HINCRBY', KEYS[2], ARGV[4], events)
redis.call('HINCRBY', KEYS[2], ARGV[4] .. ':' .. ARGV[8], events)
for i = 9, #ARGV, 2 do
  local id = redis.call('XADD', KEYS[5], '*', 'v', ARGV[7], 'd', ARGV[i + 1])
  local day = math.floor(tonumber(string.match(id, '^%d+')) / 86400000)
  redis.call('HINCRBY', KEYS[4], project .. ':' .. day, ARGV[i])
  redis.call('HINCRBY', KEYS[3], project .. ':' .. day, ARGV[i])
end
redis.call('HINCRBY', KEYS[3], 'total', events)
local woken = redis.call('SET', KEYS[6], '1', 'NX', 'PX', 5000)
return {0, math.floor(tokens), 0, woken and 1 or 0}
