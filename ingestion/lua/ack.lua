-- Acknowledge entries whose events are stored, and take them off the books of what waits.
--
-- XACK comes first: it is allowed at maxmemory, and a script that begins with such a command
-- may go on. The counters follow only for entries that this call deleted, so that two workers
-- that acknowledge the same entry count it once.
--
-- KEYS: stream, waiting
-- ARGV: group, then per entry: id, project (hex), events
-- Returns the number of entries deleted.
redis.replicate_commands()

local ids = {}
for i = 2, #ARGV, 3 do ids[#ids + 1] = ARGV[i] end
redis.call('XACK', KEYS[1], ARGV[1], unpack(ids))
local deleted, events = 0, 0
for i = 2, #ARGV, 3 do
  if redis.call('XDEL', KEYS[1], ARGV[i]) == 1 then
    local day = math.floor(tonumber(string.match(ARGV[i], '^%d+')) / 86400000)
    local field = ARGV[i + 1] .. ':' .. day
    if redis.call('HINCRBY', KEYS[2], field, -ARGV[i + 2]) == 0 then
      redis.call('HDEL', KEYS[2], field)
    end
    deleted, events = deleted + 1, events + ARGV[i + 2]
  end
end
if events > 0 then redis.call('HINCRBY', KEYS[2], 'total', -events) end
return deleted
