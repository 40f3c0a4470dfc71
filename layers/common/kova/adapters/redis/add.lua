-- Add one parcel of counts, once.
-- KEYS: 1 the sums, 2 the number of the process's last parcel
-- ARGV: 1 this parcel's number, 2 seconds to remember it, 3 seconds to keep the sums,
--       then pairs of field and amount
if tonumber(redis.call('GET', KEYS[2]) or '0') >= tonumber(ARGV[1]) then
  return 0
end
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
for index = 4, #ARGV, 2 do
  redis.call('HINCRBYFLOAT', KEYS[1], ARGV[index], ARGV[index + 1])
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
