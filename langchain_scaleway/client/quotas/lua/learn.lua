-- Learns from a success and its headers.
-- ARGV: the share of the quota, when the lease was taken, its epoch and its prompt; for requests and
-- for tokens the limit and what remains (empty if unknown), and both as they were with the lease.
local q = load(1)
local share, at, epoch, prompt = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
if epoch == q.epoch then q.probe, q.refusals = '', 0 end
q.concurrency = q.concurrency + INCREASE / q.concurrency
local function follow(name, first, under_way)
  local limit, remaining = tonumber(ARGV[first]), tonumber(ARGV[first + 1])
  local then_limit, then_level = tonumber(ARGV[first + 2]), tonumber(ARGV[first + 3])
  if not limit then return end
  limit = limit * share
  local level = limit - q[name .. '_used']
  if math.abs(limit - q[name .. '_limit']) > 1e-6 then
    q[name .. '_limit'] = limit
    level = math.min(limit, remaining) - under_way
  elseif math.abs(limit - then_limit) < 1e-6 then
    local least = math.min(then_level, level)
    local most = math.max(then_level + (now - at) * limit / 60, level) + under_way
    if remaining < least then level = level - (least - remaining)
    elseif remaining > most and share == 1 then level = level + TRUST * (remaining - most) end
  end
  q[name .. '_used'] = math.max(0, limit - level)
end
follow('requests', 6, redis.call('ZCARD', q.leases) - 1)
follow('tokens', 10, q.prompts - prompt)
save(q)
