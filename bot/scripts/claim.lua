-- Take the call-back that is due first, for as long as a call may last: if its caller dies, it is
-- due again then.
--
-- KEYS  due, booked, attempts
-- ARGV  now (Unix s), until when it is taken (Unix s)
-- Gives {call-back, how many times it was taken}; nothing where none is due.

local found = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1)
if #found == 0 then
  return {}
end
local booked = redis.call('HGET', KEYS[2], found[1])
if not booked then
  redis.call('ZREM', KEYS[1], found[1])
  return {}
end
redis.call('ZADD', KEYS[1], ARGV[2], found[1])
return {booked, redis.call('HINCRBY', KEYS[3], found[1], 1)}
