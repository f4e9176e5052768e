-- Take a message: once, at the allowed pace, into the log and the inbox together.
--
-- KEYS  once, pace, conversation, log, inbox
-- ARGV  message, conversation id, customer, now (Unix ms), ms per message, burst in messages,
--       expiry of once (s), expiry of the conversation (s), channel,
--       address: given one, a conversation that is not there begins
-- Gives {seq, duplicate 0|1}, {-1, ms to wait} if too fast, {-2, 0} if it is not this customer's.

local seq = redis.call('GET', KEYS[1])
if seq then
  return {tonumber(seq), 1}
end
local owner = redis.call('HGET', KEYS[3], 'customer')
if owner ~= ARGV[3] and (owner or ARGV[10] == '') then
  return {-2, 0}
end

-- The generic cell rate algorithm: `due` is when an evenly paced sender would send the next one.
local now, interval = tonumber(ARGV[4]), tonumber(ARGV[5])
local due = math.max(now, tonumber(redis.call('GET', KEYS[2]) or '0'))
local wait = due - now - interval * (tonumber(ARGV[6]) - 1)
if wait > 0 then
  return {-1, math.ceil(wait)}
end
redis.call('SET', KEYS[2], due + interval, 'PX', math.ceil(due + interval - now))

if not owner then
  redis.call('HSET', KEYS[3], 'channel', ARGV[9], 'customer', ARGV[3])
end
if ARGV[10] ~= '' then
  redis.call('HSET', KEYS[3], 'heard', now, 'address', ARGV[10])
else
  redis.call('HSET', KEYS[3], 'heard', now)
end

seq = redis.call('HINCRBY', KEYS[3], 'seq', 1)
redis.call('XADD', KEYS[4], seq .. '-0', 'e', ARGV[1])
redis.call('XADD', KEYS[5], '*', 'c', ARGV[2], 's', seq, 'm', ARGV[1])
redis.call('SET', KEYS[1], seq, 'EX', ARGV[7])
redis.call('EXPIRE', KEYS[3], ARGV[8])
redis.call('EXPIRE', KEYS[4], ARGV[8])
return {seq, 0}
