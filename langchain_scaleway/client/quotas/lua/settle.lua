-- Ends a lease: counts what was taken instead of the estimate, and learns from a refusal.
-- ARGV: the lease, the estimate of its prompt, its requests (0 or 1), its tokens, which quota has
-- refused it (or nothing), how many ran with it, its epoch, and a factor for the pause.
local member, reserved, requests, used = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local refusal, running, epoch, jitter = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9]
local quotas = {}
for number = 1, (#KEYS - 1) / 2 do
  local q = load(number)
  release(q, member)
  q.requests_used = math.max(0, q.requests_used + requests - 1)
  q.tokens_used = math.max(0, q.tokens_used + used - reserved)
  quotas[number] = q
end
local q = quotas[1]
if refusal == 'concurrency' then
  q.concurrency = math.max(1, math.min(q.concurrency, running - 1))
elseif refusal ~= '' and epoch == q.epoch then
  q.closed_until = now + math.min(LONGEST_PAUSE, 2 ^ q.refusals) * jitter
  q.refusals, q.epoch, q.probe = q.refusals + 1, q.epoch + 1, ''
  q.slowed = 1 - (1 - q.slowed) * DECREASE
  local limit = q[refusal .. '_limit']
  if limit then correct(q, refusal, math.max(0, limit - q[refusal .. '_used'])) end
end
for _, one in ipairs(quotas) do save(one) end
return q.refusals
