-- Admit requests of some API keys, in their order, each whole or not at all.
--
-- The requests of a key are a section. The parts of all of a section that are admitted go into as
-- few entries as hold them: an entry costs more than the event in it, here, in the append-only file
-- and in the drain. What limits the keys is in two hashes for all of them, so that a call reads and
-- writes it in a command each, however many keys it is of.
--
-- KEYS: waiting, accepted, stream, wake, allowances, usage of the month; then per section: of a
--       public key addresses; with a quota the project's usage of the release before
-- ARGV: stream limit (events), format version, the most events and bytes of an entry, month (YYYYMM)
--       of the usage; then per section: doubles in one text, namely rate (events/s), burst (events),
--       quota (events/month, -1: none), and of a public key quota of all public keys of the project
--       (events/month, -1: none), an address's rate (events/s) and burst (events); project (hex),
--       `<project>:<API key's id>`, the number of requests, and per request: of a public key the cell of its
--       address, parts, and per part: events, payload
-- Returns per request {outcome, events left of the allowance, retry after (ms), 1 if a drain must
--   be signalled} with outcome 0 accepted, 1 over the rate, 2 over the quota, 3 stream full, and
--   4 half of the stream full, 5 over the quota of public keys, 6 over the rate of the address.
--   The requests of a section that failed (one of its keys is of another type, say) each get the
--   error; the other sections know nothing of it. A replica gives the error in place of them all.
redis.replicate_commands()

local KEYS, ARGV = KEYS, ARGV -- a global is looked up by its name each time
local call, floor, ceil, max, min = redis.call, math.floor, math.ceil, math.max, math.min
local pack, unpack_numbers, sub = struct.pack, struct.unpack, string.sub
local concat = table.concat
local stream_limit, version = tonumber(ARGV[1]), ARGV[2]
local most_events, most_bytes, month = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local argument_count = #ARGV
local SECRET_BYTES = 24 -- of the doubles that limit a secret key; a public key has more

local waiting = tonumber(call('HGET', KEYS[1], 'total')) or 0
-- What all sections share fails before anything is written, or the books would lack what was.
call('HLEN', KEYS[2])
call('XLEN', KEYS[3])
local time = call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now_ms = floor(now_us / 1000)

local replies, first_accepted, appended = {}, nil, 0
local at, at_key = 6, 7 -- of the next argument, and of the next key

-- What this call adds to the books, by field: to both of them, and to what waits alone.
local to_both, to_waiting = {}, {}

-- What is known of each API key and project, as this call goes on, and the fields that it changes.
local allowances, usage = {}, {}
local changed_allowances, changed_usage = {}, {}

-- A text that is a count: most are 1, and to read a number takes as long as a dozen look-ups.
local ONE = { ['1'] = 1 }

local function use(field, events)
  usage[field] = usage[field] + events
  changed_usage[#changed_usage + 1] = field
end

local function read_keys()
  local key_ids, fields, i, n = {}, {}, at, 0
  while i <= argument_count do
    n = n + 1
    local project, key_id, requests = ARGV[i + 1], ARGV[i + 2], ONE[ARGV[i + 3]] or tonumber(ARGV[i + 3])
    key_ids[n], fields[2 * n - 1], fields[2 * n] = key_id, project, key_id
    local before = #ARGV[i] > SECRET_BYTES and 1 or 0 -- a cell, before the parts of each request
    i = i + 4
    for _ = 1, requests do
      local parts = ARGV[i + before]
      i = i + before + (parts == '1' and 3 or 1 + 2 * parts) -- the first is nearly all of them
    end
  end
  local known, used = call('HMGET', KEYS[5], unpack(key_ids)), call('HMGET', KEYS[6], unpack(fields))
  for k = 1, n do
    allowances[key_ids[k]] = known[k]
    usage[fields[2 * k - 1]] = tonumber(used[2 * k - 1]) or 0
    usage[fields[2 * k]] = tonumber(used[2 * k]) or 0
  end
end

-- What web processes of the release before count of the month, beside this one's.
local function read_usage_before(field)
  return tonumber(call('HGET', KEYS[at_key], field)) or 0
end

-- What the limits of public keys know of a section.
local function read_public(project, quota, rate, burst)
  local event_us = 1000000 / rate
  local limits = {
    field = 'public-' .. project,
    usage_field = project .. ':public',
    quota = quota,
    event_us = event_us,
    burst_us = burst * event_us,
    addresses = KEYS[at_key],
    -- The allowance of an address is one number: the moment (us) at which it is whole again.
    whole_at = {},
    changed = {},
  }
  limits.waiting = (tonumber(call('HGET', KEYS[1], limits.field)) or 0)
    + (to_waiting[limits.field] or 0)
  if not usage[limits.usage_field] then
    usage[limits.usage_field] = tonumber(call('HGET', KEYS[6], limits.usage_field)) or 0
  end
  at_key = at_key + 1
  limits.used = usage[limits.usage_field]
  if quota >= 0 then limits.used = limits.used + read_usage_before(month .. ':public') end
  return limits
end

-- Why the limits of public keys refuse a request, and when to try again (ms).
local function refuse_public(limits, cell, events, admitted)
  if limits.waiting + admitted + events > stream_limit / 2 then return 4, 2000 end
  if limits.quota >= 0 and limits.used + admitted + events > limits.quota then return 5, 0 end
  local latest = now_us + limits.burst_us
  if not limits.whole_at[cell] then
    local known = tonumber(call('HGET', limits.addresses, cell)) or 0
    -- Of a clock that went back: no allowance is less than nothing, and that is noted even so.
    limits.whole_at[cell] = max(now_us, min(known, latest))
    if known > latest then limits.changed[cell] = true end
  end
  local early_us = limits.whole_at[cell] + events * limits.event_us - latest
  if early_us >= 1 then return 6, ceil(early_us / 1000) end
end

local function note_addresses(limits)
  if not next(limits.changed) then return end
  for cell in pairs(limits.changed) do
    call('HSET', limits.addresses, cell, string.format('%.0f', limits.whole_at[cell]))
  end
  call('PEXPIRE', limits.addresses, ceil(limits.burst_us / 1000) + 60000)
end

-- MessagePack: an array of up to 15, or of up to 65535 parts.
local HEAD_OF_ONE = string.char(0x91)
local function head_of(count)
  if count < 16 then return string.char(0x90 + count) end
  return string.char(0xdc, floor(count / 256), count % 256)
end

local day_of_ms, day = nil, nil -- the last entry's, and its UTC day: mostly the next one's, too

local function append_entry(project, data, events)
  local id = call('XADD', KEYS[3], '*', 'v', version, 'd', data)
  appended = appended + events
  local ms = sub(id, 1, 13)
  if ms ~= day_of_ms then
    day_of_ms, day = ms, ':' .. floor(tonumber(ms) / 86400000)
  end
  local field = project .. day
  to_both[field] = (to_both[field] or 0) + events
end

-- Append the parts at these places of ARGV.
local function append(project, accepted, admitted)
  if #accepted == 1 then
    return append_entry(project, HEAD_OF_ONE .. ARGV[accepted[1] + 1], admitted)
  end
  local parts, entry_events, entry_bytes = {}, 0, 0
  for n = 1, #accepted do
    local i = accepted[n]
    local events, payload = ONE[ARGV[i]] or tonumber(ARGV[i]), ARGV[i + 1]
    if #parts > 0
      and (entry_events + events > most_events or entry_bytes + #payload > most_bytes) then
      append_entry(project, head_of(#parts) .. concat(parts), entry_events)
      parts, entry_events, entry_bytes = {}, 0, 0
    end
    parts[#parts + 1] = payload
    entry_events, entry_bytes = entry_events + events, entry_bytes + #payload
  end
  append_entry(project, head_of(#parts) .. concat(parts), entry_events)
end

-- Add to counts of a hash: two commands for all of them, where HINCRBY is one for each.
local function add_up(key, fields, counts)
  local known, sums = call('HMGET', key, unpack(fields)), {}
  for i = 1, #fields do
    local field = fields[i]
    sums[2 * i - 1], sums[2 * i] = field, counts[i] + (tonumber(known[i]) or 0)
  end
  call('HSET', key, unpack(sums))
end

local function set_changed(key, fields, values)
  if #fields == 0 then return end
  local pairs_of_both = {}
  for i, field in ipairs(fields) do
    pairs_of_both[2 * i - 1], pairs_of_both[2 * i] = field, values[field]
  end
  call('HSET', key, unpack(pairs_of_both))
end

local function admit_section()
  local rate, burst, quota, public_quota, address_rate, address_burst
  local is_public = #ARGV[at] > SECRET_BYTES
  local project, api_key = ARGV[at + 1], ARGV[at + 2]
  local public
  if is_public then
    rate, burst, quota, public_quota, address_rate, address_burst =
      unpack_numbers('<dddddd', ARGV[at])
    public = read_public(project, public_quota, address_rate, address_burst)
  else
    rate, burst, quota = unpack_numbers('<ddd', ARGV[at])
  end
  local used = usage[project]
  if quota >= 0 then used = used + read_usage_before(month) end
  if quota >= 0 or public and public_quota >= 0 then at_key = at_key + 1 end

  local left, at_ms = burst, now_ms
  if allowances[api_key] then left, at_ms = unpack_numbers('<dd', allowances[api_key]) end
  -- A clock that went back counts as no time passed.
  left = min(burst, left + max(0, now_ms - at_ms) * rate / 1000)

  local accepted, admitted, over_rate = {}, 0, false
  local requests = ONE[ARGV[at + 3]] or tonumber(ARGV[at + 3])
  at = at + 4
  for _ = 1, requests do
    local cell
    if public then cell, at = ARGV[at], at + 1 end
    local last, events
    if ARGV[at] == '1' then
      last, events = at + 2, ONE[ARGV[at + 1]] or tonumber(ARGV[at + 1])
    else
      last, events = at + 2 * ARGV[at], 0
      for i = at + 1, last, 2 do events = events + ARGV[i] end
    end
    local reply
    if waiting + appended + admitted + events > stream_limit then
      reply = {3, 0, 2000, 0}
    elseif quota >= 0 and used + admitted + events > quota then
      reply = {2, 0, 0, 0}
    else
      local outcome, retry_ms
      if public then outcome, retry_ms = refuse_public(public, cell, events, admitted) end
      if outcome then
        reply = {outcome, floor(left), retry_ms, 0}
      elseif left < events then
        over_rate = true
        reply = {1, floor(left), ceil((events - left) * 1000 / rate), 0}
      else
        left, admitted = left - events, admitted + events
        if public then
          public.whole_at[cell] = public.whole_at[cell] + events * public.event_us
          public.changed[cell] = true
        end
        for i = at + 1, last, 2 do accepted[#accepted + 1] = i end
        reply = {0, floor(left), 0, 0}
        first_accepted = first_accepted or reply
      end
    end
    replies[#replies + 1] = reply
    at = last + 1
  end

  if admitted > 0 then
    append(project, accepted, admitted)
    use(project, admitted)
    use(api_key, admitted)
    if public then
      use(public.usage_field, admitted)
      to_waiting[public.field] = (to_waiting[public.field] or 0) + admitted
    end
  end
  -- A clock that went back is noted even so, or no time would pass until it has caught up.
  if admitted > 0 or over_rate and now_ms < at_ms then
    allowances[api_key] = pack('<dd', left, now_ms)
    changed_allowances[#changed_allowances + 1] = api_key
  end
  if public then note_addresses(public) end
end

-- Go to what follows the section that begins at these places; returns its number of requests.
local function pass_section(section_at, section_key)
  local is_public, _, _, quota, public_quota = #ARGV[section_at] > SECRET_BYTES, nil, nil, nil, -1
  if is_public then
    _, _, quota, public_quota = unpack_numbers('<dddd', ARGV[section_at])
  else
    _, _, quota = unpack_numbers('<ddd', ARGV[section_at])
  end
  at, at_key = section_at + 4, section_key + (is_public and 1 or 0)
  if quota >= 0 or public_quota >= 0 then at_key = at_key + 1 end
  local requests = tonumber(ARGV[section_at + 3])
  for _ = 1, requests do
    if is_public then at = at + 1 end
    at = at + 1 + 2 * ARGV[at]
  end
  return requests
end

-- The first write, of whatever comes first, is one that Redis refuses at maxmemory: a full Redis
-- changes nothing.
read_keys()
while at <= argument_count do
  local section_at, section_key, replied, accepted_before = at, at_key, #replies, first_accepted
  local done, why = pcall(admit_section)
  if not done then
    local told = type(why) == 'table' and why.err or why
    -- A replica by now, that writes nothing for anybody: who calls is to leave it.
    if appended == 0 and string.find(told, 'READONLY', 1, true) then
      return { err = string.match(told, 'READONLY.*') }
    end
    first_accepted = accepted_before
    local reply = { err = told }
    for i = replied + 1, replied + pass_section(section_at, section_key) do replies[i] = reply end
  end
end
set_changed(KEYS[5], changed_allowances, allowances)
if appended > 0 then
  set_changed(KEYS[6], changed_usage, usage)
  local fields, counts, n = {}, {}, 0
  for field, events in pairs(to_both) do
    n = n + 1
    fields[n], counts[n] = field, events
  end
  add_up(KEYS[2], fields, counts)
  to_waiting.total = appended
  for field, events in pairs(to_waiting) do
    n = n + 1
    fields[n], counts[n] = field, events
  end
  add_up(KEYS[1], fields, counts)
  if first_accepted and call('SET', KEYS[4], '1', 'NX', 'PX', 5000) then first_accepted[4] = 1 end
end
return replies
