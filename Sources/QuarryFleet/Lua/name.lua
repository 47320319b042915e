-- Gives a submission that names no job the id of one, before anything is written under it.
-- ARGV from 4: the line, the same line with a job id. Reply: {'named'}, or {'gone'} when the line was not there any more.
-- Invariant: the line is on the list once, with or without its id, and keeps its place in front.
if call('LREM', SUBMISSIONS, 1, ARGV[4]) == 0 then return {'gone'} end
call('LPUSH', SUBMISSIONS, ARGV[5])
return {'named'}
