-- Number a checkpoint, and read what it is to remember, at one moment.
--
-- KEYS: checkpoint, accepted, waiting, stream
-- ARGV: an epoch, for a Redis that has none
-- Returns {the checkpoint before or '', this one, accepted, waiting, last entry id, events that
-- have vanished}; a checkpoint is `<epoch>:<number>`.
--
-- Where no entry is left nothing waits. What was still counted is of entries that somebody deleted,
-- and would be taken off the stream's limit for ever.
redis.replicate_commands()

local before = redis.call('GET', KEYS[1]) or ''
local epoch, number = string.match(before, '^(%w+):(%d+)$')
local this = (epoch or ARGV[1]) .. ':' .. (tonumber(number or 0) + 1)
redis.call('SET', KEYS[1], this)
local vanished = 0
if redis.call('XLEN', KEYS[4]) == 0 then
  vanished = tonumber(redis.call('HGET', KEYS[3], 'total')) or 0
  redis.call('DEL', KEYS[3])
end
local last = '0-0'
if redis.call('EXISTS', KEYS[4]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[4])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last = info[i + 1] end
  end
end
return {before, this, redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]), last, vanished}
