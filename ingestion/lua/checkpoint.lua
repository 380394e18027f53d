-- Number a checkpoint, and read what it is to remember, at one moment.
--
-- KEYS: checkpoint, accepted, waiting, stream
-- ARGV: an epoch, for a Redis that has none
-- Returns {the checkpoint before or '', this one, accepted, waiting, last entry id}; a checkpoint
-- is `<epoch>:<number>`.
redis.replicate_commands()

local before = redis.call('GET', KEYS[1]) or ''
local epoch, number = string.match(before, '^(%w+):(%d+)$')
local this = (epoch or ARGV[1]) .. ':' .. (tonumber(number or 0) + 1)
redis.call('SET', KEYS[1], this)
local last = '0-0'
if redis.call('EXISTS', KEYS[4]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[4])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last = info[i + 1] end
  end
end
return {before, this, redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]), last}
