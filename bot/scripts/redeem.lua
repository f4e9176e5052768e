-- Use a link code up, if it is one and this customer may still try.
--
-- KEYS  done, code, wrong codes of this customer, wrong codes of all
-- ARGV  customer, how many wrong ones a customer may send, how many all may,
--       in how long (s), how long done is known (s)
-- Gives whose code it was, or one of: tired, wrong, own. What was done before is given again.

local before = redis.call('GET', KEYS[1])
if before then
  return before
end
local outcome
local offer = redis.call('GET', KEYS[2])
if tonumber(redis.call('GET', KEYS[3]) or '0') >= tonumber(ARGV[2])
    or tonumber(redis.call('GET', KEYS[4]) or '0') >= tonumber(ARGV[3]) then
  outcome = 'tired'
elseif not offer then
  outcome = 'wrong'
  for i = 3, 4 do
    if redis.call('INCR', KEYS[i]) == 1 then
      redis.call('EXPIRE', KEYS[i], ARGV[4])
    end
  end
elseif cjson.decode(offer)['customer'] == ARGV[1] then
  outcome = 'own'
else
  outcome = offer
  redis.call('DEL', KEYS[2])
end
redis.call('SET', KEYS[1], outcome, 'EX', ARGV[5])
return outcome
