-- Forget accepted counts that MongoDB has, of days that no entry can be of any more.
--
-- KEYS: accepted
-- ARGV: per line: field, count
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then redis.call('HDEL', KEYS[1], ARGV[i]) end
end
return 1
