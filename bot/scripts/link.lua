-- Make two customers, and all that each is linked with, one.
--
-- KEYS  linked of the one, linked of the other
-- ARGV  the one, the other, most customers in one, expiry (s), what keys of links begin with
-- Gives linked, already, or full. All keys carry one hash tag; those of the others follow from
-- what is in these two.

if redis.call('SISMEMBER', KEYS[1], ARGV[2]) == 1 then
  return 'already'
end
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('SADD', KEYS[2], ARGV[2])
local all = redis.call('SUNION', KEYS[1], KEYS[2])
if #all > tonumber(ARGV[3]) then
  for i = 1, 2 do
    if redis.call('SCARD', KEYS[i]) == 1 then
      redis.call('DEL', KEYS[i])
    end
  end
  return 'full'
end
for _, each in ipairs(all) do
  redis.call('SADD', ARGV[5] .. each, unpack(all))
  redis.call('EXPIRE', ARGV[5] .. each, ARGV[4])
end
return 'linked'
