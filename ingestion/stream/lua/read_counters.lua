-- Read the counters of a partition at one moment. (A MULTI is refused at maxmemory.)
--
-- KEYS: accepted, waiting
-- Returns the two hashes, each as a list of field, value, field, value.
return {redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2])}
