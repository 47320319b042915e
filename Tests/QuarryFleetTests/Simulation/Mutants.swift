import Testing

extension Mutant {
  /// At least one for each transition, and for each rule about order.
  static let all = [
    Mutant(
      name: "submit: the root is admitted without its fingerprint",
      from: "call('HSET', key('prints', job), unhex(print_of_root), root)", to: ""),
    Mutant(
      name: "emit: no fence", from: "if not t then return {'refused', why} end\nlocal emitted",
      to: "t = t or {job = call('HGET', TASK .. task, 'job')}\nlocal emitted"),
    Mutant(name: "emit: an index may come twice", from: "local from = 8 + taken - first", to: "local from = 8"),
    Mutant(name: "emit: the outbox has no end", from: "if waiting >= 10000 then return {'full'} end", to: "", seed: 6),
    Mutant(name: "admit: one task too many", from: "job.admitted >= job.max", to: "job.admitted > job.max", seed: 3),
    Mutant(
      name: "admit: no dedup", from: "    elseif twin then\n      job.duplicates = job.duplicates + 1",
      to: "    elseif twin and false then\n      job.duplicates = job.duplicates + 1"),
    Mutant(
      name: "admit: a level too deep", from: "elseif depth > job.depth then", to: "elseif depth > job.depth + 1 then",
      seed: 5),
    Mutant(
      name: "admit: what was cut by depth never comes back",
      from: "for _, entry in ipairs(kept) do call('RPUSH', OUTBOX, task .. ' ' .. entry) end", to: "", seed: 34),
    Mutant(
      name: "admit: a page too many of a host", from: "or 0) >= job.pages then return true end",
      to: "or 0) > job.pages then return true end", seed: 9),
    Mutant(
      name: "admit: whatever the term",
      from: "if term > 0 and tonumber(meta.term) ~= term or term == 0 and leads then\n  if", to: "if false then\n  if"),
    Mutant(
      name: "admit: also for a job that is held", from: "jobs[id] = {is_held = v[7] == 'pause' or v[7] == 'drain'",
      to: "jobs[id] = {is_held = false", seed: 14),
    Mutant(
      name: "admit: the outbox is kept", from: "call('LTRIM', OUTBOX, #entries, -1)",
      to: "call('LTRIM', OUTBOX, math.max(0, #entries - 1), -1)"),
    Mutant(
      name: "claim: the epoch stays", from: "t.epoch = math.max(t.epoch + 1, now)", to: "t.epoch = math.max(t.epoch, 1)"
    ),
    Mutant(name: "claim: no lease", from: "  write('ZADD', leases)\n", to: ""),
    Mutant(
      name: "claim: many at once of a host with bounds", from: "most > 1 and not g.is_bounded and is_only_source",
      to: "most > 1 and is_only_source", seed: 80),
    Mutant(
      name: "claim: a paused fleet hands out", from: "meta.paused == '1' or or_empty(v[2]) ~= ''",
      to: "or_empty(v[2]) ~= ''"),
    Mutant(
      name: "claim: a held worker is handed work", from: "meta.paused == '1' or or_empty(v[2]) ~= ''",
      to: "meta.paused == '1'", seed: 6),
    Mutant(
      name: "claim: one more at a host than may be", from: "call('ZCARD', key('slots', host)) >= slots then",
      to: "call('ZCARD', key('slots', host)) > slots then"),
    Mutant(
      name: "claim: no spacing", from: "local due = gap > 0 and h.last_at", to: "local due = gap < 0 and h.last_at",
      seed: 3),
    Mutant(
      name: "claim: beside one that starts", from: "call('EXISTS', key('starting', host)) == 1 then",
      to: "call('EXISTS', key('starting', host)) == 2 then"),
    Mutant(
      name: "claim: one more of a job than may run", from: "call('ZCARD', key('index', job, 'leased')) >= most",
      to: "call('ZCARD', key('index', job, 'leased')) > most", seed: 6),
    Mutant(
      name: "claim: scheduled tasks come early", from: "call('ZRANGEBYSCORE', SCHEDULED, '-inf', now, 'LIMIT', 0, 100)",
      to: "call('ZRANGEBYSCORE', SCHEDULED, '-inf', now + 2000, 'LIMIT', 0, 100)"),
    Mutant(
      name: "claim: a repeat claims anew", from: "local tasks = replayed('claim')", to: "local tasks = nil", seed: 26),
    Mutant(
      name: "claim: nobody is told of what is left",
      from: "call('ZADD', key('rota', lane, storage), 'NX', served, job)\n    wake(storage)",
      to: "call('ZADD', key('rota', lane, storage), 'NX', served, job)"),
    Mutant(
      name: "started: no fence", from: "  if t and not t.started and not is_named[t.run] then",
      to:
        "  t = t or {task = ARGV[i], run = ARGV[i + 1], job = '', host = '', attempt = 0}\n  if t and not t.started and not is_named[t.run] then"
    ),
    Mutant(
      name: "started: spacing does not count from here",
      from: "  if t.host ~= '' then note_start(t.host) end\n", to: "", seed: 3),
    Mutant(
      name: "renew: nothing is extended", from: "    call('ZADD', LEASES, 'XX', 'GT', now + lease_ms, task)\n", to: ""),
    Mutant(name: "renew: a cancelled run goes on", from: "    cancelled[#cancelled + 1] = run", to: "", seed: 5),
    Mutant(name: "renew: a lost lease is not told", from: "    lost[#lost + 1] = run", to: ""),
    Mutant(
      name: "renew: at once released when unnamed", from: "listed_at - 2 * heartbeat_ms, 'LIMIT', 0, 100) or {}",
      to: "now - 1, 'LIMIT', 0, 100) or {}"),
    Mutant(
      name: "renew: an old list counts as a new one", from: "local listed_at = now - tonumber(ARGV[4])",
      to: "local listed_at = now"),
    Mutant(
      name: "complete: no fence",
      from: "if t.epoch ~= epoch or t.run ~= run or t.owner ~= actor then return nil, 'stale' end", to: ""),
    Mutant(
      name: "complete: emissions may be missing",
      from: "if r.emitted >= 0 and #r.children ~= r.emitted then r.t, r.why = nil, 'emissions missing' end", to: "",
      seed: 6),
    Mutant(
      name: "complete: a cancel that came before loses",
      from: "  if t.state == 'leased' and v[10] then return nil, 'cancelled', t end\n", to: "", seed: 3),
    Mutant(
      name: "complete: the host's slot stays taken", from: "      gather(groups, key('slots', t.host), t.task)\n",
      to: ""),
    Mutant(
      name: "complete: nothing is pending for the ledger",
      from: "write('ZADD', entries)\n", to: ""),
    Mutant(name: "complete: the lease stays", from: "write('ZREM', over)\n", to: ""),
    Mutant(
      name: "complete: announced before the ledger has it", from: "  count(job, 'done', 1)\n",
      to:
        "  call('XADD', NOTIFICATIONS, '*', 'job', job, 'task', r.task, 'run', r.run, 'json', r.notification)\n  count(job, 'done', 1)\n"
    ),
    Mutant(
      name: "complete: nothing is announced", from: "if r.notification ~= '' then count(job, 'unsent', 1) end",
      to: "r.notification = ''"),
    Mutant(
      name: "fail: nothing is charged", from: "local used = call('HINCRBY', TASK .. task, kind, 1)",
      to: "local used = 1"),
    Mutant(
      name: "fail: one more try than there is", from: "if used >= budget then return 'dead'",
      to: "if used > budget then return 'dead'", seed: 3),
    Mutant(
      name: "fail: a shutdown is charged", from: "elseif kind == 'unrunnable' then\n  state, detail = 'dead'",
      to:
        "elseif kind == 'release' then\n  state, detail = charge(task, t, 'app', reason, 0)\nelseif kind == 'unrunnable' then\n  state, detail = 'dead'"
    ),
    Mutant(
      name: "fail: a host that refuses is not left alone",
      from: "note_host(host, 'rest_until', math.max(until_now, now + ms))", to: "", seed: 30),
    Mutant(
      name: "fail: a death is not for the ledger", from: "  return add_unsettled('dead', task, t)",
      to: "  return 'dead:' .. task .. ':' .. t.epoch", seed: 3),
    Mutant(
      name: "reap: before expiry", from: "call('ZRANGEBYSCORE', LEASES, '-inf', now, 'LIMIT', 0, limit)",
      to: "call('ZRANGEBYSCORE', LEASES, '-inf', now + 5000, 'LIMIT', 0, limit)"),
    Mutant(name: "reap: no grace", from: "if now >= (tonumber(tick[3]) or 0) then", to: "if true then"),
    Mutant(name: "reap: a restart is not noticed", from: " or tick[2] ~= server", to: "", seed: 3),
    Mutant(
      name: "reap: a claim that never began is charged",
      from: "  if t.started or call('HINCRBY', TASK .. task, 'unbegun', 1) >= UNBEGUN_LIMIT then", to: "  if true then",
      seed: 3),
    Mutant(
      name: "reap: one that began costs nothing",
      from: "  if t.started or call('HINCRBY', TASK .. task, 'unbegun', 1) >= UNBEGUN_LIMIT then", to: "  if false then"
    ),
    Mutant(
      name: "claim: a list that is gone is not missed",
      from: "if #popped == 0 then lose_list(lane, job, host) end", to: ""),
    Mutant(
      name: "reap: tasks of a list that is gone are not looked for", from: "local is_looking = find_lost()",
      to: "local is_looking = false"),
    Mutant(
      name: "reap: what is missed during the search is not looked for",
      from: "elseif call('HDEL', lost, 'again') == 1 then", to: "elseif false then", seed: 110),
    Mutant(
      name: "control: a cancelled task waits on",
      from: "  end_cancelled(task, v[2], v[1], v[5])\nend\n\n-- Cancels up to", to: "end\n\n-- Cancels up to"),
    Mutant(
      name: "control: a requeued task runs before the ledger has it",
      from: "  add_unsettled('requeued', task, {job = job, epoch = epoch}, true)", to: "  revive(task, job)", seed: 12),
    Mutant(
      name: "control: what was held back never comes",
      from: "  if hold == '' or hold == 'cancel' then release_outbox(job) end", to: "", seed: 7),
    Mutant(
      name: "reap: what has nothing to let go of fails", from: "  if gone > 0 then\n    call('HINCRBY', META, 'kept_'",
      to: "  if true then\n    call('HINCRBY', META, 'kept_'"),
    Mutant(
      name: "proxy_choose: the window is one short", from: "last <= count - window",
      to: "last <= count - window + 1"),
    Mutant(
      name: "proxy_choose: the choice is not marked", from: "call('ZADD', ranks, count, endpoints[place])", to: ""),
    Mutant(
      name: "proxy_choose: a repeat chooses anew", from: "local before = marks and replayed('proxy')",
      to: "local before = nil"),
    Mutant(
      name: "term: two may lead", from: "if held and meta.leader ~= actor then return {0, meta.leader} end", to: ""),
    Mutant(
      name: "term: a term comes twice", from: "if not held then term = call('HINCRBY', META, 'term', 1) end", to: ""),
    Mutant(
      name: "settle: the job is not asked whether it has ended",
      from: "'unsettled', -count)\n  finish_if_done(job)\n", to: "'unsettled', -count)\n"),
    Mutant(
      name: "acknowledge: the job is not asked whether it has ended", from: "-count)\n    finish_if_done(job)\n",
      to: "-count)\n"),
    Mutant(
      name: "finished while something is in the outbox", from: "or v[6] + v[7] + v[8] > 0 then return end",
      to: "or v[7] + v[8] > 0 then return end"),
    Mutant(
      name: "finished before the ledger has it", from: "or v[6] + v[7] + v[8] > 0 then return end",
      to: "or v[6] + v[8] > 0 then return end", seed: 40),
    Mutant(
      name: "finished before it is announced", from: "or v[6] + v[7] + v[8] > 0 then return end",
      to: "or v[6] + v[7] > 0 then return end"),
    Mutant(
      name: "join: what the worker held stays its own", from: "for _, task in ipairs(call('ZRANGE', held, 0, 999)) do",
      to: "for _, task in ipairs({}) do", seed: 5),
    Mutant(
      name: "the clock goes back with the server's", from: "  if now < last then\n    local at",
      to: "  if false then\n    local at"),
  ]
}
