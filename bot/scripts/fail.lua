-- Note that a part which a provider had taken did not arrive, and list it among what could not be
-- delivered: once, however often it is reported.
--
-- KEYS  sent, dead
-- ARGV  part, provider's id of it, seq, reply, reason, most dead letters,
--       oldest one kept (Unix ms), expiry (s)
-- Gives the dead letter's id, or an empty text where this was known, or the part was sent anew.

local state = 'state:' .. ARGV[1]
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] or redis.call('HGET', KEYS[1], state) == 'failed' then
  return ''
end
redis.call('HSET', KEYS[1], state, 'failed')
local id = redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[6], '*',
  's', ARGV[3], 'r', ARGV[4], 'w', ARGV[5], 'p', ARGV[1])
redis.call('XTRIM', KEYS[2], 'MINID', ARGV[7])
redis.call('EXPIRE', KEYS[2], ARGV[8])
return id
