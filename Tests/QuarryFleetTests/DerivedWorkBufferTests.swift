import Dispatch
import QuarryCore
import QuarryFleet
import Testing

@Suite(.timeLimit(.minutes(5))) struct DerivedWorkBufferTests {
  private static func work(_ index: Int) -> DerivedWork { DerivedWork(index: index, target: "detail.ts", params: "{}") }

  /// Calls `body` where a run would: on a thread outside the cooperative pool.
  private static func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { done in DispatchQueue.global().async { done.resume(returning: body()) } }
  }

  @Test func allIsSentInOrderAndBatchesGrowWhileATripIsUnderWay() async throws {
    let buffer = DerivedWorkBuffer(capacity: 16)
    let sent = Recorder<[Int]>()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        await buffer.run { batch throws(QuarryError) in
          await Task.yield()
          sent.add(batch.map(\.index))
        }
      }
      // A refusal shows in what was sent.
      await Self.onThread { for index in 0..<1_000 { try? buffer.accept(Self.work(index)) } }
      try await buffer.drained()
      group.cancelAll()
    }
    let batches = sent.all
    #expect(batches.flatMap { $0 } == Array(0..<1_000))
    #expect(batches.allSatisfy { $0.count <= 16 })
    #expect(buffer.count == 1_000)
  }

  @Test func aFullBufferBlocksTheScriptUntilThereIsRoom() async throws {
    let buffer = DerivedWorkBuffer(capacity: 2)
    let (gate, open) = AsyncStream<Void>.makeStream()
    let accepted = Recorder<Int>()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        await buffer.run { _ throws(QuarryError) in for await _ in gate { break } }
      }
      group.addTask {
        await Self.onThread {
          for index in 0..<5 {
            try? buffer.accept(Self.work(index))  // A refusal shows in `drained`.
            accepted.add(index)
          }
        }
      }
      // One batch is on its way at most, and two wait: the fifth cannot be in.
      try await accepted.wait(for: 3)
      #expect(accepted.count < 5)
      open.finish()
      try await accepted.wait(for: 5)
      try await buffer.drained()
      group.cancelAll()
    }
  }

  @Test func aRunWhoseWorkIsAllSentIsWholeThoughItWasStopped() async throws {
    let buffer = DerivedWorkBuffer()
    let sent = Recorder<Int>()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await buffer.run { batch throws(QuarryError) in batch.forEach { sent.add($0.index) } } }
      try buffer.accept(Self.work(0))
      try await buffer.drained()
      buffer.close(QuarryError(.fleet, "the run is stopped"))
      try await buffer.drained()
      #expect(throws: QuarryError.self) { try buffer.accept(Self.work(1)) }
      group.cancelAll()
    }
    #expect(sent.all == [0])
  }

  @Test func aRefusalReachesTheScriptAndCompletion() async {
    let buffer = DerivedWorkBuffer(capacity: 1)
    let refusal = QuarryError(.fleet, "stale")
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await buffer.run { _ throws(QuarryError) in throw refusal } }
      let error = await Self.onThread { () -> QuarryError? in
        for index in 0..<10 {
          do throws(QuarryError) { try buffer.accept(Self.work(index)) } catch { return error }
        }
        return nil
      }
      #expect(error == refusal)
      await #expect(throws: refusal) { try await buffer.drained() }
    }
  }

  @Test func closingLetsABlockedScriptGo() async throws {
    let buffer = DerivedWorkBuffer(capacity: 1)
    let accepted = Recorder<Int>()
    async let blocked = Self.onThread { () -> QuarryError? in
      for index in 0..<2 {
        do throws(QuarryError) { try buffer.accept(Self.work(index)) } catch { return error }
        accepted.add(index)
      }
      return nil
    }
    try await accepted.wait(for: 1)
    buffer.close(QuarryError(.fleet, "the run failed"))
    #expect(await blocked == QuarryError(.fleet, "the run failed"))
  }
}
