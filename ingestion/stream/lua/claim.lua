-- Take over pending entries of another consumer, oldest first.
--
-- KEYS: stream
-- ARGV: group, owner, new owner, most entries, idle for at least (ms), most deliveries (0: any),
--       1 to leave the delivery counts as they are
-- Returns the entries as XCLAIM does.
redis.replicate_commands()

local most, most_deliveries = tonumber(ARGV[4]), tonumber(ARGV[6])
local looked_at = most_deliveries > 0 and 1000 or most
local ids = {}
for _, item in ipairs(redis.call(
  'XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[5], '-', '+', looked_at, ARGV[2])) do
  if (most_deliveries == 0 or item[4] <= most_deliveries) and #ids < most then
    ids[#ids + 1] = item[1]
  end
end
if #ids == 0 then return {} end
if ARGV[7] ~= '1' then
  return redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], ARGV[5], unpack(ids))
end
ids[#ids + 1] = 'JUSTID'
local entries = {}
for _, id in ipairs(redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], ARGV[5], unpack(ids))) do
  entries[#entries + 1] = redis.call('XRANGE', KEYS[1], id, id)[1]
end
return entries
