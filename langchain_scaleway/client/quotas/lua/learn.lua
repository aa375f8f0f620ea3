-- Learns from a success and its headers.
-- ARGV: the share of the quota, when the lease was taken, its epoch, the estimates of its prompt and
-- answer; for requests and for tokens the limit and what remains (empty if unknown), and what was
-- used with the lease.
local q = load(1)
local share, at, epoch = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local prompt, answer = tonumber(ARGV[5]), tonumber(ARGV[6])
if epoch == q.epoch then q.probe, q.refusals = '', 0 end
q.concurrency = q.concurrency + INCREASE / q.concurrency
local function follow(name, first, under_way)
  local limit, remaining = tonumber(ARGV[first]), tonumber(ARGV[first + 1])
  if not limit then return end
  limit = limit * share
  local used, corrected = q[name .. '_used'], q[name .. '_corrected']
  local level, level_then = limit - used, limit - ARGV[first + 2] - corrected
  local least = math.min(level_then, level)
  local most = math.max(level_then + (now - at) * limit / 60, level) + under_way
  if remaining < least then
    correct(q, name, least - remaining)
  elseif remaining > most and share == 1 then
    correct(q, name, -math.min(used, TRUST * (remaining - most)))
  end
  q[name .. '_limit'] = limit
end
follow('requests', 7, redis.call('ZCARD', q.leases) - 1)
follow('tokens', 10, q.prompts - prompt)
local requests = known(q.requests_limit, REQUESTS)
local tokens = known(q.tokens_limit, TOKENS)
local recovered = math.max(RECOVERY / requests, RECOVERY_BY_TOKENS * (prompt + answer) / tokens)
q.slowed = math.max(0, q.slowed - recovered)
save(q)
