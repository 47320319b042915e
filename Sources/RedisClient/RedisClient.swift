// Redis over hiredis: one owned thread a connection, pipelined.
