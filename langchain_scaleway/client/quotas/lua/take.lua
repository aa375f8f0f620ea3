-- Lets a request through, or says how many seconds to wait.
-- ARGV: the lease's name, the process, the lease's seconds, the estimates of prompt and answer, and
-- for each quota the limits that count until answers have shown Scaleway's: requests, tokens,
-- concurrency.
local member, process, expires = ARGV[2], ARGV[3], now + ARGV[4]
local prompt, answer = tonumber(ARGV[5]), tonumber(ARGV[6])
redis.call('ZADD', KEYS[1], now + 60, process)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('EXPIRE', KEYS[1], 86400)
local quotas, wait = {}, 0
for number = 1, (#KEYS - 1) / 2 do
  local q = load(number)
  local requests = known(q.requests_limit, tonumber(ARGV[3 * number + 4]))
  local tokens = known(q.tokens_limit, tonumber(ARGV[3 * number + 5]))
  local concurrency = math.min(q.concurrency, tonumber(ARGV[3 * number + 6]))
  local passed, pace = math.max(0, now - q.at), 1 - q.slowed
  q.requests_used = math.max(0, q.requests_used - passed * requests * pace / 60)
  q.tokens_used = math.max(0, q.tokens_used - passed * tokens * pace / 60)
  q.at = now
  if q.probe ~= '' and now >= q.probed_at + PROBE_SECONDS then q.probe, q.refusals = '', 0 end
  local function need(used, amount, limit, learnt)
    local missing = used + math.min(amount + HEADROOM * learnt, limit) - limit
    if missing > 1e-6 then wait = math.max(wait, missing * 60 / (limit * pace)) end
  end
  need(q.requests_used, 1, requests, q.requests_limit)
  need(q.tokens_used + q.answers, prompt + answer, tokens, q.tokens_limit)
  if q.refusals > 0 then wait = math.max(wait, q.closed_until - now) end
  if q.probe ~= '' then wait = math.max(wait, q.probed_at + PROBE_SECONDS - now) end
  local running = redis.call('ZCARD', q.leases)
  if running > 0 and running + 1 > concurrency then wait = 1e18 end
  quotas[number] = q
end
if wait == 0 then
  for _, q in ipairs(quotas) do
    q.requests_used = q.requests_used + 1
    q.tokens_used = q.tokens_used + prompt
    q.prompts, q.answers = q.prompts + prompt, q.answers + answer
    redis.call('ZADD', q.leases, expires, member)
    if q.refusals > 0 then q.probe, q.probed_at = member, now end
  end
end
for _, q in ipairs(quotas) do save(q) end
local q = quotas[1]
return {text(wait), redis.call('ZCARD', KEYS[1]), text(now), text(q.epoch),
  redis.call('ZCARD', q.leases), text(q.requests_used - q.requests_corrected),
  text(q.tokens_used - q.tokens_corrected)}
