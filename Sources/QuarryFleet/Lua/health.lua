-- A worker says why it claims nothing. ARGV from 4: why, '' when it is well. Reply: {1}, {0} for a worker that is not known.
begin_closing()
if call('EXISTS', WORKER .. actor) == 0 then return {0} end
if ARGV[4] == '' then
  call('HDEL', WORKER .. actor, 'health')
else
  call('HSET', WORKER .. actor, 'health', ARGV[4])
end
return {1}
