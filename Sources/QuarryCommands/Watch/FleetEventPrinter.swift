import QuarryCore
import QuarryFleet
import Synchronization

/// Prints a fleet's events as they come. A Redis that goes away is outlived: it goes on after the last event it has seen.
struct FleetEventPrinter: Sendable {
  private static let pause = Duration.seconds(1)

  private let address: FleetAddress
  private let context: CommandContext
  private let print: @Sendable ([FleetEvent]) throws -> Void

  init(
    address: FleetAddress, context: CommandContext, print: @escaping @Sendable ([FleetEvent]) throws -> Void
  ) {
    self.address = address
    self.context = context
    self.print = print
  }

  /// Returns when a signal came, or stdout takes nothing more.
  /// - Parameter id: the event before the first one.
  func run(from id: String) async throws {
    let (ends, sink) = AsyncStream.makeStream(of: Result<Void, any Error>.self)
    try ReaderEnd.watch { sink.yield(.success(())) }
    Task {
      do {
        try await follow(from: id)
        sink.yield(.success(()))
      } catch {
        sink.yield(.failure(error))
      }
    }
    for await end in ends { return try end.get() }
  }

  private func follow(from id: String) async throws {
    var last = id
    var isFailing = false
    while context.console.isOutputOpen() {
      do {
        let events = try await LiveFleet.ask(address, in: context) { queue throws(QuarryError) in
          try await queue.events(after: last, upTo: .seconds(5))
        }
        if isFailing { context.console.say("it can be read again") }
        isFailing = false
        try print(events)
        last = events.last?.id ?? last
      } catch let error as QuarryError {
        if !isFailing { context.console.say("\(error.message); it is tried again until it can be read") }
        isFailing = true
        await FleetClock.system.sleep(Self.pause)
      }
    }
  }
}
