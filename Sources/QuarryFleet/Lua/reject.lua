-- Moves a submission that cannot be read to the bounded list of rejects.
-- ARGV from 4: the line, what of it is kept as text, the reason. Reply: {'rejected'} or {'gone'} when the line was not there any more.
-- Invariant: a line is in one of both lists, never in both; the rejects hold the last 1000.
if call('LREM', SUBMISSIONS, 1, ARGV[4]) == 0 then return {'gone'} end
begin_closing()
call('LPUSH', REJECTS, cjson.encode({line = ARGV[5], reason = ARGV[6], at = now}))
call('LTRIM', REJECTS, 0, 999)
return {'rejected'}
