-- Take over the pending entries of a consumer whose process is known to be gone.
--
-- Not what was delivered too often: it has perhaps killed that process, and others before it. It
-- rests until it is stale.
--
-- KEYS: stream
-- ARGV: group, gone consumer, new consumer, most entries, most deliveries
-- Returns the entries as XCLAIM does.
redis.replicate_commands()

local most, most_deliveries = tonumber(ARGV[4]), tonumber(ARGV[5])
local ids = {}
for _, item in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000, ARGV[2])) do
  if item[4] <= most_deliveries and #ids < most then ids[#ids + 1] = item[1] end
end
if #ids == 0 then return {} end
return redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, unpack(ids))
