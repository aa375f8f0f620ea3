-- Has leases count for as long as new ones. ARGV: the seconds, and the leases.
for number = 1, (#KEYS - 1) / 2 do
  for place = 3, #ARGV do
    redis.call('ZADD', KEYS[2 * number + 1], 'XX', now + ARGV[2], ARGV[place])
  end
end
