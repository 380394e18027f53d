-- Take over the pending entries of a consumer whose process is known to be gone.
--
-- KEYS: stream
-- ARGV: group, gone consumer, new consumer, most entries
-- Returns the entries as XCLAIM does.
redis.replicate_commands()

local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[4], ARGV[2])
if #pending == 0 then return {} end
local ids = {}
for _, item in ipairs(pending) do ids[#ids + 1] = item[1] end
return redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, unpack(ids))
