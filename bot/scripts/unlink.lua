-- Take a customer out of those that they are linked with, and their code back.
--
-- KEYS  done, linked, apart, offered
-- ARGV  customer, expiry (s), how long done is known (s), what keys of links and of codes begin with
-- Gives with how many they were linked. What was done before is given again.

local before = redis.call('GET', KEYS[1])
if before then
  return tonumber(before)
end
local others = 0
for _, each in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  if each ~= ARGV[1] then
    others = others + 1
    local key = ARGV[4] .. each
    redis.call('SREM', key, ARGV[1])
    if redis.call('SCARD', key) == 1 then
      redis.call('DEL', key)
    end
  end
end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[3], '1', 'EX', ARGV[2])
local code = redis.call('GET', KEYS[4])
if code then
  redis.call('DEL', KEYS[4], ARGV[5] .. code)
end
redis.call('SET', KEYS[1], others, 'EX', ARGV[3])
return others
