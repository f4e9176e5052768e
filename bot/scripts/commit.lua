-- End a turn: its reply, its trace and what was perceived are kept, its messages leave the inbox,
-- all at once and at most once.
--
-- KEYS  owner, inbox, outbox, conversation, log, turn, perceived
-- ARGV  worker, turn id, reply (empty where there is none), trace, push 0|1, expiry of the conversation (s),
--       number of inbox entries, their ids …, then attachment id and what was perceived, by pairs
-- Gives {seq, outbox id}; {-1} if this worker no longer owns the partition, {-2} if the messages
-- have been answered by another.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return {-1}
end
local done = redis.call('HMGET', KEYS[4], 'turn', 'turn_seq', 'turn_out')
if done[1] == ARGV[2] then
  return {tonumber(done[2]), done[3]}  -- the answer to an earlier attempt was lost on the way
end
local count = tonumber(ARGV[7])
for i = 8, 7 + count do
  if #redis.call('XRANGE', KEYS[2], ARGV[i], ARGV[i]) == 0 then
    return {-2}
  end
end

local seq
if ARGV[3] == '' then
  seq = tonumber(redis.call('HGET', KEYS[4], 'seq'))
else
  seq = redis.call('HINCRBY', KEYS[4], 'seq', 1)
  redis.call('XADD', KEYS[5], seq .. '-0', 'e', ARGV[3])
end
local out = ''
if ARGV[5] == '1' then
  out = redis.call('XADD', KEYS[3], '*', 's', seq, 'r', ARGV[3])
end
for i = 8, 7 + count do
  redis.call('XDEL', KEYS[2], ARGV[i])
end
redis.call('SET', KEYS[6], ARGV[4], 'EX', ARGV[6])
for i = 8 + count, #ARGV, 2 do
  redis.call('HSET', KEYS[7], ARGV[i], ARGV[i + 1])
end
redis.call('EXPIRE', KEYS[7], ARGV[6])
redis.call('EXPIRE', KEYS[4], ARGV[6])
redis.call('EXPIRE', KEYS[5], ARGV[6])
redis.call('HSET', KEYS[4], 'turn', ARGV[2], 'turn_seq', seq, 'turn_out', out)
redis.call('HDEL', KEYS[4], 'attempts')
return {seq, out}
