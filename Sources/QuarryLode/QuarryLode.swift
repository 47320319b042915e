// A Lode dataset on a file system: where things lie (Layout), what a snapshot says (Manifest), which snapshots
// count (Chain), how one becomes visible (Commit), who writes (Write, Ledger), what the reading commands ask (Read),
// whether all of it is whole (Verify), and what crashes left (Collect).
//
// Everything here blocks, on the caller's thread; nothing is ever read or written on the cooperative pool.
