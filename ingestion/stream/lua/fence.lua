-- Raise a count to what it is at least, and have it forgotten after a while, if it is to be.
--
-- KEYS: a hash
-- ARGV: field, the least, seconds (0: it stays)
redis.replicate_commands()

if (tonumber(redis.call('HGET', KEYS[1], ARGV[1])) or 0) < tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
if ARGV[3] ~= '0' then redis.call('EXPIRE', KEYS[1], ARGV[3]) end
return 1
