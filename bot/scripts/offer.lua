-- Give a customer a link code. It takes the place of the one that they had.
--
-- KEYS  done, code, offered
-- ARGV  code, whose it is, how long it is good (s), how long done is known (s), what keys of codes begin with
-- Gives the code; the earlier one where this was done before; an empty text where the code is taken.

local before = redis.call('GET', KEYS[1])
if before then
  return before
end
if redis.call('EXISTS', KEYS[2]) == 1 then
  return ''
end
local old = redis.call('GET', KEYS[3])
if old then
  redis.call('DEL', ARGV[5] .. old)
end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
redis.call('SET', KEYS[3], ARGV[1], 'EX', ARGV[3])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[4])
return ARGV[1]
