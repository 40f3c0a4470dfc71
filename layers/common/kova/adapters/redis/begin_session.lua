-- Begin a conversation, or go on with one's own.
-- KEYS: 1 its owner, 2 its turns
-- ARGV: 1 who asks, as it is stored, 2 seconds to keep it
-- Returns: its turns; false where another one owns it
local owner = redis.call('GET', KEYS[1])
if not owner then
  -- Turns that outlived their owner are nobody's.
  redis.call('DEL', KEYS[2])
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
elseif owner ~= ARGV[1] then
  return false
end
return redis.call('LRANGE', KEYS[2], 0, -1)
