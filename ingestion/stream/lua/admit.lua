-- Admit requests of one API key, in their order, each whole or not at all.
--
-- The parts of all that are admitted go into as few entries as hold them: an entry costs more than
-- the event in it, here, in the append-only file and in the drain.
--
-- KEYS: allowance, quota, waiting, accepted, stream, wake; of a public key also addresses
-- ARGV: rate (events/s), burst (events), quota (events/month, -1: none), month (YYYYMM),
--       stream limit (events), project (hex), format version, API key's id, the most events
--       and bytes of an entry; of a public key also quota of all public keys of the project
--       (events/month, -1: none), an address's rate (events/s) and burst (events); then per
--       request: of a public key the cell of its address, parts, and per part: events, payload
-- Returns per request {outcome, events left of the allowance, retry after (ms), 1 if a drain must
--   be signalled} with outcome 0 accepted, 1 over the rate, 2 over the quota, 3 stream full, and
--   4 half of the stream full, 5 over the quota of public keys, 6 over the rate of the address.
redis.replicate_commands()

local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local quota, month, stream_limit = tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local project, version, api_key = ARGV[6], ARGV[7], ARGV[8]
local most_events, most_bytes = tonumber(ARGV[9]), tonumber(ARGV[10])

local waiting = tonumber(redis.call('HGET', KEYS[3], 'total')) or 0
local used = quota >= 0 and tonumber(redis.call('HGET', KEYS[2], month)) or 0
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local allowance = redis.call('HMGET', KEYS[1], 'tokens', 'at_ms')
local left, at_ms = tonumber(allowance[1]) or burst, tonumber(allowance[2]) or now_ms
-- A clock that went back counts as no time passed.
left = math.min(burst, left + math.max(0, now_ms - at_ms) * rate / 1000)

local replies, accepted, over_rate = {}, {}, false
local at, admitted = 11, 0

-- The allowance of an address is one number: the moment (us) at which it is whole again.
local public = #KEYS > 6
local public_field, public_month, public_quota, public_waiting, public_used
local now_us, event_us, burst_us, whole_at, changed
if public then
  at, public_field, public_month = 14, 'public-' .. project, month .. ':public'
  now_us, event_us, whole_at, changed = time[1] * 1000000 + time[2], 1000000 / ARGV[12], {}, {}
  public_quota, burst_us = tonumber(ARGV[11]), ARGV[13] * event_us
  public_waiting = tonumber(redis.call('HGET', KEYS[3], public_field)) or 0
  public_used = public_quota >= 0 and tonumber(redis.call('HGET', KEYS[2], public_month)) or 0
end

-- Why the limits of public keys refuse a request, and when to try again (ms).
local function refuse_public(cell, events)
  if public_waiting + admitted + events > stream_limit / 2 then return 4, 2000 end
  if public_quota >= 0 and public_used + admitted + events > public_quota then return 5, 0 end
  if not whole_at[cell] then
    local known = tonumber(redis.call('HGET', KEYS[7], cell)) or 0
    -- Of a clock that went back: no allowance is less than nothing, and that is noted even so.
    whole_at[cell] = math.max(now_us, math.min(known, now_us + burst_us))
    if known > now_us + burst_us then changed[cell] = true end
  end
  local early_us = whole_at[cell] + events * event_us - now_us - burst_us
  if early_us >= 1 then return 6, math.ceil(early_us / 1000) end
end

while at <= #ARGV do
  local cell
  if public then cell, at = ARGV[at], at + 1 end
  local last, events = at + 2 * tonumber(ARGV[at]), 0
  for i = at + 1, last, 2 do events = events + tonumber(ARGV[i]) end
  local reply
  if waiting + admitted + events > stream_limit then
    reply = {3, 0, 2000, 0}
  elseif quota >= 0 and used + admitted + events > quota then
    reply = {2, 0, 0, 0}
  else
    local outcome, retry_ms
    if public then outcome, retry_ms = refuse_public(cell, events) end
    if outcome then
      reply = {outcome, math.floor(left), retry_ms, 0}
    elseif left < events then
      over_rate = true
      reply = {1, math.floor(left), math.ceil((events - left) * 1000 / rate), 0}
    else
      left, admitted = left - events, admitted + events
      if public then
        whole_at[cell], changed[cell] = whole_at[cell] + events * event_us, true
      end
      for i = at + 1, last, 2 do accepted[#accepted + 1] = i end
      reply = {0, math.floor(left), 0, 0}
    end
  end
  replies[#replies + 1] = reply
  at = last + 1
end

-- The first write is one that Redis refuses at maxmemory: a full Redis changes nothing.
-- A clock that went back is noted even so, or no time would pass until it has caught up.
if admitted > 0 or over_rate and now_ms < at_ms then
  redis.call('HSET', KEYS[1], 'tokens', string.format('%.3f', left), 'at_ms', now_ms)
end
if public and next(changed) then
  for cell in pairs(changed) do
    redis.call('HSET', KEYS[7], cell, string.format('%.0f', whole_at[cell]))
  end
  redis.call('PEXPIRE', KEYS[7], math.ceil(burst_us / 1000) + 60000)
end
if admitted == 0 then return replies end

redis.call('PEXPIRE', KEYS[1], math.ceil(burst * 1000 / rate) + 60000)
redis.call('HINCRBY', KEYS[2], month, admitted)
redis.call('HINCRBY', KEYS[2], month .. ':' .. api_key, admitted)
if public then
  redis.call('HINCRBY', KEYS[2], public_month, admitted)
  redis.call('HINCRBY', KEYS[3], public_field, admitted)
end
local days, parts, entry_events, entry_bytes = {}, {}, 0, 0
local function append()
  -- MessagePack: an array of up to 15, or of up to 65535 parts.
  local count = #parts
  local head = count < 16 and string.char(0x90 + count)
    or string.char(0xdc, math.floor(count / 256), count % 256)
  local id = redis.call('XADD', KEYS[5], '*', 'v', version, 'd', head .. table.concat(parts))
  local day = math.floor(tonumber(string.match(id, '^%d+')) / 86400000)
  days[day] = (days[day] or 0) + entry_events
  parts, entry_events, entry_bytes = {}, 0, 0
end
for _, i in ipairs(accepted) do
  local events, payload = tonumber(ARGV[i]), ARGV[i + 1]
  if #parts > 0
    and (entry_events + events > most_events or entry_bytes + #payload > most_bytes) then
    append()
  end
  parts[#parts + 1] = payload
  entry_events, entry_bytes = entry_events + events, entry_bytes + #payload
end
append()
for day, events in pairs(days) do
  redis.call('HINCRBY', KEYS[4], project .. ':' .. day, events)
  redis.call('HINCRBY', KEYS[3], project .. ':' .. day, events)
end
redis.call('HINCRBY', KEYS[3], 'total', admitted)
if redis.call('SET', KEYS[6], '1', 'NX', 'PX', 5000) then
  for _, reply in ipairs(replies) do
    if reply[1] == 0 then
      reply[4] = 1
      break
    end
  end
end
return replies
