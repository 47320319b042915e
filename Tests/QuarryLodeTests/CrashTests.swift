import Foundation
import QuarryCore
import QuarryLode
import TestSupport
import TestTraits
import Testing

/// A writer that dies, or is refused, at each single operation in turn.
@Suite(.ownThread) struct CrashTests {
  private func work(_ dataset: LodeDataset) throws -> Int { try commitTwice(dataset, id: "dying") }

  private func operations(before: Bool) throws -> Int {
    let root = TemporaryDirectory()
    let faults = Faults()
    if before { try prepare(root.path) }
    #expect(try work(LodeDataset(root: root.path, files: faults.files)) == 2)
    return faults.count
  }

  private func prepare(_ root: String) throws {
    let run = try Run(LodeDataset(root: root), id: "earlier")
    try run.sink.write(run.items(0..<2))
  }

  @Test(arguments: [false, true])
  func aCrashAnywhereLeavesALinearDataset(onTopOfAnother: Bool) throws {
    for point in 0..<(try operations(before: onTopOfAnother)) {
      for fault in [FileSystem.Fault.failure(EIO), .tornWrite(EIO)] {
        let root = TemporaryDirectory()
        if onTopOfAnother { try prepare(root.path) }
        let crash = Faults()
        crash.fail(at: point, with: fault, staysDown: true)
        let acknowledged = try work(LodeDataset(root: root.path, files: crash.files))
        let reader = LodeReader(root: root.path)
        #expect(try faults(reader) == [], "right after a crash at \(point)")
        #expect(try errors(reader) == [], "right after a crash at \(point)")
        try check(reader, acknowledged: acknowledged, onTopOfAnother)

        let next = try Run(LodeDataset(root: root.path), id: "next")
        try next.sink.write(next.items(0..<3))
        #expect(try faults(reader) == [], "after the writer that follows a crash at \(point)")
        #expect(try errors(reader) == [], "after the writer that follows a crash at \(point)")
        try check(reader, acknowledged: acknowledged, onTopOfAnother)
        #expect(try sequence(reader, "next") == [0, 1, 2])
        #expect(manifestsOnDisk(reader) == Set(try reader.chain().rows.map(\.id)), "leftovers of a crash at \(point)")
        let unfinished = tree(reader.layout.folder).filter { $0.contains(".lode-cas-") && !$0.contains("/files/") }
        #expect(unfinished == [], "crash at \(point)")
      }
    }
  }

  /// What a check of the whole dataset calls damaged; the events here are numbered from 0.
  private func errors(_ reader: LodeReader) throws -> [Finding] {
    var errors: [Finding] = []
    _ = try reader.verify { if $0.severity == .error, $0.kind != .sequence { errors.append($0) } }
    return errors
  }

  private func check(_ reader: LodeReader, acknowledged: Int, _ onTopOfAnother: Bool) throws {
    if onTopOfAnother { #expect(try sequence(reader, "earlier") == [0, 1]) }
    let items = try sequence(reader, "dying")
    #expect(items == Array([0, 2].prefix(items.count)))
    #expect(items.count >= acknowledged && items.count <= acknowledged + 1)
    #expect(try sequence(reader, "dying", type: "log") == (items.isEmpty ? [] : [1]))
  }

  @Test(arguments: [ENOSPC, EDQUOT, EACCES, EPERM, EROFS, EIO, ESTALE, ENOENT])
  func aFailedWriteIsInvisibleAndMayBeTriedAgain(_ code: Int32) throws {
    let total = try operations(before: true)
    for point in 0..<total {
      let root = TemporaryDirectory()
      try prepare(root.path)
      let faulty = Faults()
      let dataset = LodeDataset(root: root.path, files: faulty.files)
      let run = try Run(dataset, id: "r")
      let before = tree(root.path)
      let batch = run.batch {
        $0.addEvent("item", seq: 0); $0.addEvent("log", seq: 1)
      }
      faulty.fail(at: point, with: .failure(code), staysDown: false)
      do {
        try run.sink.write(batch)
        continue
      } catch {
        #expect(error.kind == .storage)
        #expect(error.message.contains(root.path) && error.message.contains(String(cString: strerror(code))))
        // The last operations make the moved pointer and the manifests' names durable; by then the records are visible.
        if error.message.contains("records are visible") { continue }
      }
      faulty.heal()
      #expect(tree(root.path) == before, "left behind by a failure at \(point)")
      let reader = LodeReader(root: root.path)
      #expect(try sequence(reader, "r") == [])
      try run.sink.write(batch)
      #expect(try sequence(reader, "r") == [0])
      #expect(try faults(reader) == [])
    }
  }

  @Test func oneRefusedRunDoesNotFailThoseBesideIt() throws {
    let root = TemporaryDirectory()
    let files = FileSystem { operation, path in
      operation == .link && path.contains("run_id=bad/") ? .failure(EACCES) : nil
    }
    let dataset = LodeDataset(root: root.path, files: files)
    onThreads(12) { index in
      for round in 0..<5 {
        guard let run = try? Run(dataset, id: index == 0 ? "bad" : "r\(index)") else { return }
        try? run.sink.write(run.items(round..<round + 1))
      }
    }
    let reader = LodeReader(root: root.path)
    #expect(try faults(reader) == [])
    #expect(try reader.runs().rows.map(\.runID).sorted() == (1..<12).map { "r\($0)" }.sorted())
    for index in 1..<12 { #expect(try sequence(reader, "r\(index)") == Array(0..<5)) }
  }

  @Test func aFileSystemWithoutSecondNamesGetsCopies() throws {
    let root = TemporaryDirectory()
    let files = FileSystem { operation, _ in operation == .link ? .failure(EPERM) : nil }
    let run = try Run(LodeDataset(root: root.path, files: files), id: "r")
    try run.sink.write(run.items(0..<2))
    let reader = LodeReader(root: root.path)
    #expect(try sequence(reader, "r") == [0, 1])
    #expect(try reader.runs().rows.count == 1)
    #expect(tree(root.path).allSatisfy { !$0.contains(".lode-cas-") })
  }

  @Test func aMissingRootSaysWhatToType() throws {
    let run = try Run(LodeDataset(root: "/tmp/quarry-no-such-folder"), id: "r")
    let error = #expect(throws: QuarryError.self) { try run.sink.write(run.items(0..<1)) }
    #expect(error?.remedy == "put it back, or make it: mkdir -p '/tmp/quarry-no-such-folder'")
    let root = TemporaryDirectory()
    try put("", at: "\(root.path)/file")
    let onFile = try Run(LodeDataset(root: "\(root.path)/file"), id: "r")
    let second = #expect(throws: QuarryError.self) { try onFile.sink.write(onFile.items(0..<1)) }
    #expect(second?.remedy == "a part of the path is a file; choose a folder as --storage-path")
  }
}
