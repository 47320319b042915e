// The distributed queue: keys, transitions in Lua, worker and coordinator.
