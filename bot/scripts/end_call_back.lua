-- A call-back is over, whatever became of it.
--
-- KEYS  due, booked, attempts, over, of the customer
-- ARGV  id, what is kept of it, most kept, expiry of what is kept (s)
-- Gives 1, or 0 where it was over already.

if redis.call('HDEL', KEYS[2], ARGV[1]) == 0 then
  return 0
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
if redis.call('GET', KEYS[5]) == ARGV[1] then
  redis.call('DEL', KEYS[5])
end
redis.call('LPUSH', KEYS[4], ARGV[2])
redis.call('LTRIM', KEYS[4], 0, ARGV[3] - 1)
redis.call('EXPIRE', KEYS[4], ARGV[4])
return 1
