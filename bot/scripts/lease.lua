-- Take a partition, or keep it.
--
-- KEYS  owner
-- ARGV  worker, lease (ms)
-- Gives 0 if another worker has it, 1 if this one still has it, 2 if it has it from now on: also
-- after a lapse, in which others may have had it.

local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return owner and 1 or 2
