-- Append the events of dead letters again, all or none: no rate, no quota.
--
-- KEYS: waiting, accepted, stream, wake
-- ARGV: stream limit (events), project (hex), format version, 1 if they came by a public key, then
--       per entry: events, payload
-- Returns 1 if a drain must be signalled, 0 if not, -1 where the stream is full.
redis.replicate_commands()

local project, events = ARGV[2], 0
for i = 5, #ARGV, 2 do events = events + tonumber(ARGV[i]) end
local waiting = tonumber(redis.call('HGET', KEYS[1], 'total')) or 0
if waiting + events > tonumber(ARGV[1]) then return -1 end

-- The first write is one that Redis refuses at maxmemory: a full Redis changes nothing.
redis.call('HINCRBY', KEYS[1], 'total', events)
if ARGV[4] == '1' then redis.call('HINCRBY', KEYS[1], 'public-' .. project, events) end
for i = 5, #ARGV, 2 do
  local id = redis.call('XADD', KEYS[3], '*', 'v', ARGV[3], 'd', ARGV[i + 1])
  local day = math.floor(tonumber(string.match(id, '^%d+')) / 86400000)
  redis.call('HINCRBY', KEYS[1], project .. ':' .. day, ARGV[i])
  redis.call('HINCRBY', KEYS[2], project .. ':' .. day, ARGV[i])
end
return redis.call('SET', KEYS[4], '1', 'NX', 'PX', 5000) and 1 or 0
