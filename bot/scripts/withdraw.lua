-- Forget a message that its customer deleted. One that has not come yet is not taken when it does.
--
-- KEYS  once, log, withdrawn
-- ARGV  expiry of once (s), expiry of the conversation (s)
-- Gives the log's entry, or an empty text where there is none.

local seq = redis.call('GET', KEYS[1])
if not seq then
  redis.call('SET', KEYS[1], '0', 'EX', ARGV[1])
  return ''
end
redis.call('SADD', KEYS[3], seq)
redis.call('EXPIRE', KEYS[3], ARGV[2])
local found = redis.call('XRANGE', KEYS[2], seq .. '-0', seq .. '-0')
redis.call('XDEL', KEYS[2], seq .. '-0')
return #found == 1 and found[1][2][2] or ''
