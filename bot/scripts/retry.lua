-- Put a dead letter into the outbox again. What of it has been sent stays noted, but for the part
-- that was reported as failed.
--
-- KEYS  dead, outbox, sent
-- ARGV  dead letter, the part that failed (empty: what was not sent), the name of a draft
-- Gives the outbox entry, or an empty text where there is no such letter.

local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #found == 0 then
  return ''
end
local fields = found[1][2]
if ARGV[2] ~= '' then
  redis.call('HDEL', KEYS[3], ARGV[2], 'state:' .. ARGV[2], ARGV[3])
end
local id = redis.call('XADD', KEYS[2], '*', 's', fields[2], 'r', fields[4])
redis.call('XDEL', KEYS[1], ARGV[1])
return id
