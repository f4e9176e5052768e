-- Take a partition, or keep it.
--
-- KEYS  owner
-- ARGV  worker, lease (ms)
-- Gives 1 if the worker has it now, otherwise 0.

local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
