-- What the scripts share. They follow the rules of memory.py.
-- KEYS: the processes; then a hash and the leases of Scaleway's quota; then the same for the
-- user's own limits, if there are some. ARGV[1]: how many of the server's seconds pass in one.
local time = redis.call('TIME')
local now = (time[1] + time[2] / 1e6) * ARGV[1]
local FIELDS = {'requests_limit', 'requests_used', 'tokens_limit', 'tokens_used', 'prompts',
  'answers', 'requests_corrected', 'tokens_corrected', 'at',
  'concurrency', 'slowed', 'refusals', 'closed_until', 'epoch', 'probed_at'}

local function text(number) return string.format('%.9f', number) end

local function release(q, member)
  if redis.call('ZREM', q.leases, member) == 0 then return end
  local prompt, answer = string.match(member, ':(.*):(.*)')
  q.prompts, q.answers = q.prompts - prompt, q.answers - answer
  if q.probe == member then q.probe = '' end
end

local function load(number)
  local q = {key = KEYS[2 * number], leases = KEYS[2 * number + 1]}
  local values = redis.call('HMGET', q.key, 'probe', unpack(FIELDS))
  q.probe = values[1] or ''
  for i, field in ipairs(FIELDS) do q[field] = tonumber(values[i + 1]) or 0 end
  if q.concurrency == 0 then q.concurrency = 1e18 end
  -- After a failover, or by hand, the clock may be behind what it was.
  if q.at > now then q.at, q.closed_until, q.probed_at = now, now, now end
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', q.leases, '-inf', now)) do
    q.tokens_used = q.tokens_used + string.match(member, ':.*:(.*)')
    release(q, member)
  end
  return q
end

local function save(q)
  local values = {'probe', q.probe}
  for _, field in ipairs(FIELDS) do
    values[#values + 1] = field
    values[#values + 1] = text(q[field])
  end
  redis.call('HSET', q.key, unpack(values))
  redis.call('EXPIRE', q.key, 86400)
  redis.call('EXPIRE', q.leases, 86400)
end

local function correct(q, name, amount)
  q[name .. '_used'] = q[name .. '_used'] + amount
  q[name .. '_corrected'] = q[name .. '_corrected'] + amount
end

local function known(limit, assumed) if limit > 0 then return limit end return assumed end
