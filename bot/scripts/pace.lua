-- Allow or refuse one more from a client, by the generic cell rate algorithm.
--
-- KEYS  limit
-- ARGV  now (Unix ms), ms per event, burst in events
-- Gives 0 if allowed, otherwise the ms to wait.

local now, interval = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
local wait = due - now - interval * (tonumber(ARGV[3]) - 1)
if wait > 0 then
  return math.ceil(wait)
end
redis.call('SET', KEYS[1], due + interval, 'PX', math.ceil(due + interval - now))
return 0
