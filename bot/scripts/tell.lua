-- Put a reply that no turn has made into its conversation, once: into the log, and the outbox.
--
-- KEYS  once, conversation, log, outbox
-- ARGV  reply, push 0|1, expiry of the conversation (s), expiry of once (s)
-- Gives 1, or 0 where it was there already or the conversation is forgotten.

if redis.call('EXISTS', KEYS[2]) == 0
    or not redis.call('SET', KEYS[1], '0', 'NX', 'EX', ARGV[4]) then
  return 0
end
local seq = redis.call('HINCRBY', KEYS[2], 'seq', 1)
redis.call('XADD', KEYS[3], seq .. '-0', 'e', ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('EXPIRE', KEYS[3], ARGV[3])
if ARGV[2] == '1' then
  redis.call('XADD', KEYS[4], '*', 's', seq, 'r', ARGV[1])
end
return 1
