-- Add turns to one's own conversation.
-- KEYS: 1 its owner, 2 its turns
-- ARGV: 1 who adds, as it is stored, 2 seconds to keep it, 3 how many turns to keep, then the turns
-- Returns: 1; 0 where another one owns it by now
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
for index = 4, #ARGV do
  redis.call('RPUSH', KEYS[2], ARGV[index])
end
redis.call('LTRIM', KEYS[2], -tonumber(ARGV[3]), -1)
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1
