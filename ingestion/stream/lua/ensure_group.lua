-- Create the stream and its group, which starts at the stream's first entry.
--
-- XGROUP CREATE alone is refused at maxmemory even where the group exists, and a full Redis
-- would never be emptied; a script that starts with XACK passes.
--
-- KEYS: stream
-- ARGV: group
redis.call('XACK', KEYS[1], ARGV[1], '0-0')
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if made.err and not string.find(made.err, 'BUSYGROUP') then return made end
return 1
