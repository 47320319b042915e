// The queue, measured; every case prints ratios of what it measured in turn. Usage:
//   queue-benchmark scripts [tasks, default 10000] [slots, default 16]
//   queue-benchmark workers [tasks, default 10000]    one and two workers, processes of their own
//   queue-benchmark pickup [samples, default 300]     from a task's making to its start at an idle worker
//   queue-benchmark growth [most tasks, default 100000]  claims, memory, lists, census and metrics as the queue grows
//   queue-benchmark transport [calls, default 20000]  TLS over plain TCP; what one EXISTS more costs a script
//   queue-benchmark idle QUARRY [seconds, default 20] an idle fleet of the program itself
//   queue-benchmark                                   all of these but the last
// For Benchmarks/peers.ts: push, work, and trickle, which are explained beside it.
let arguments = Array(CommandLine.arguments.dropFirst())
let number = arguments.dropFirst().compactMap { Int($0) }.first

switch arguments.first {
case "scripts":
  try await ScriptRates(tasks: number ?? 10_000, slots: arguments.dropFirst(2).first.flatMap { Int($0) } ?? 16).run()
case "workers": try await WorkerRates(tasks: number ?? 10_000).run()
case "pickup": try await PickUp(samples: number ?? 300).run()
case "growth": try await Growth(most: number ?? 100_000).run()
case "transport": try await Transport(calls: number ?? 20_000).run()
case "idle": try await IdleFleet(quarry: arguments.dropFirst().first ?? "quarry", seconds: number ?? 20).run()
case "push", "work", "trickle", "handover": try await Role(arguments).run()
case nil:
  try await ScriptRates(tasks: 10_000, slots: 16).run()
  try await WorkerRates(tasks: 10_000).run()
  try await PickUp(samples: 300).run()
  try await Growth(most: 100_000).run()
  try await Transport(calls: 20_000).run()
case let word?: fatalError("there is no case '\(word)'")
}
