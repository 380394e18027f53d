-- Acknowledge entries whose events are stored, and take them off the books of what waits.
--
-- Entries of a project, day of acceptance and kind of key with as many events each come as a run,
-- so that the counters need to know only how many of a run were deleted. XACK comes first: it is
-- allowed at maxmemory, and a script that begins with such a command may go on. The counters follow
-- only for entries that this call deleted, so that two workers that acknowledge the same entry count
-- it once.
--
-- KEYS: stream, waiting
-- ARGV: group, then per run: project (hex), 1 if by public keys, events per entry, number of ids,
--       the ids
-- Returns the number of entries deleted.
redis.replicate_commands()

local function take_off(field, events)
  if redis.call('HINCRBY', KEYS[2], field, -events) == 0 then
    redis.call('HDEL', KEYS[2], field)
  end
end

local acked, events, i = 0, 0, 2
while i <= #ARGV do
  local first, last = i + 4, i + 3 + ARGV[i + 3]
  redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, first, last))
  local deleted = redis.call('XDEL', KEYS[1], unpack(ARGV, first, last))
  if deleted > 0 then
    local day = math.floor(tonumber(string.match(ARGV[first], '^%d+')) / 86400000)
    local stored = deleted * ARGV[i + 2]
    take_off(ARGV[i] .. ':' .. day, stored)
    if ARGV[i + 1] == '1' then take_off('public-' .. ARGV[i], stored) end
    acked, events = acked + deleted, events + stored
  end
  i = last + 1
end
if events > 0 then redis.call('HINCRBY', KEYS[2], 'total', -events) end
return acked
