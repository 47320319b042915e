-- Entries whose ledger record is not written yet, oldest first, without those whose task is gone; changes nothing.
-- ARGV from 4: least age in ms, how many at most. Reply: {ledger entry…}.
local entries = {}
for _, id in ipairs(call('ZRANGEBYSCORE', UNSETTLED, '-inf', now - tonumber(ARGV[4]), 'LIMIT', 0, tonumber(ARGV[5]))) do
  entries[#entries + 1] = ledger_entry(id)
end
return entries
