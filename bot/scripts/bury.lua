-- Take a reply out of the outbox and list it among those that could not be delivered.
--
-- KEYS  outbox, dead, held
-- ARGV  outbox entry, reason, most dead letters, oldest one kept (Unix ms), expiry (s)
-- Gives the dead letter's id, or an empty text where the reply is not in the outbox any more.

local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #found == 0 then
  return ''
end
local fields = found[1][2]
local id = redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[3], '*',
  's', fields[2], 'r', fields[4], 'w', ARGV[2], 'p', '')
redis.call('XTRIM', KEYS[2], 'MINID', ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[5])
redis.call('XDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return id
