-- One call: is the key remembered, and does its limit let it through? (access/admission.py)
-- KEYS: 1 the remembered key, 2 the key's calls, 3 the address's calls, 4 that this key and secret
--       were valid a while ago
-- ARGV: 1 hash of the secret ('' for a stranger), 2 the key's quota and 3 window in ms,
--       4 the address's quota and 5 window in ms, 6 record to remember or '', 7 ms to remember it,
--       8 ms to remember that it was valid, 9 whether the address gets a call back: '1' or ''
-- Returns: 'key', 'stranger', 'unknown' or 'known'; the record; allowed; remaining; ms until one
--       more passes. After 'unknown' the numbers are the address's, after 'known' they are none.

local function take(name, quota, window)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local oldest = redis.call('LINDEX', name, -1)
  while oldest and tonumber(oldest) <= now - window do
    redis.call('RPOP', name)
    oldest = redis.call('LINDEX', name, -1)
  end
  local used = redis.call('LLEN', name)
  if used >= quota then
    local blocking = tonumber(redis.call('LINDEX', name, quota - 1))
    return 0, 0, blocking + window - now
  end
  -- %d: Lua would write a number of that size as 1.7e+12.
  redis.call('LPUSH', name, string.format('%d', now))
  redis.call('PEXPIRE', name, window)
  return 1, quota - used - 1, (tonumber(oldest) or now) + window - now
end

if ARGV[6] ~= '' then
  redis.call('SET', KEYS[1], ARGV[1] .. ARGV[6], 'PX', ARGV[7])
  redis.call('SET', KEYS[4], '1', 'PX', ARGV[8])
  if ARGV[9] ~= '' then
    redis.call('LPOP', KEYS[3])
  end
end
local kind = 'stranger'
if ARGV[1] ~= '' then
  local record = redis.call('GET', KEYS[1])
  -- 64 hexadecimal digits of the hash stand before the record.
  if record and string.sub(record, 1, 64) == ARGV[1] then
    return {'key', string.sub(record, 65), take(KEYS[2], tonumber(ARGV[2]), tonumber(ARGV[3]))}
  end
  if not record then
    if redis.call('EXISTS', KEYS[4]) == 1 then
      return {'known', '', 0, 0, 0}
    end
    kind = 'unknown'
  end
end
return {kind, '', take(KEYS[3], tonumber(ARGV[4]), tonumber(ARGV[5]))}
