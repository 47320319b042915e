-- A worker says which content a script has that the job did not name when it was submitted.
-- ARGV from 4: job, target, content hash. Reply: {the hash that counts}.
-- Invariant: for each target of a job one content counts, the first that was named.
begin()
local scripts = key('scripts', ARGV[4])
if call('EXISTS', JOB .. ARGV[4]) == 1 then call('HSETNX', scripts, ARGV[5], ARGV[6]) end
return {call('HGET', scripts, ARGV[5]) or ARGV[6]}
