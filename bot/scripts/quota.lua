-- Allow or refuse one more of a client's, of which there may be so many in any span of time.
--
-- KEYS  quota
-- ARGV  now (Unix ms), span (ms), most, which one it is
-- Gives 0 if allowed, and where this one is counted already; otherwise the ms to wait.

local now, span = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - span)
if redis.call('ZSCORE', KEYS[1], ARGV[4]) then
  return 0
end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return math.ceil(tonumber(first[2]) + span - now)
end
redis.call('ZADD', KEYS[1], now, ARGV[4])
redis.call('PEXPIRE', KEYS[1], span)
return 0
