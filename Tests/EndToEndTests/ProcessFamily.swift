import Foundation
import TestSupport

/// A process and all that it started, as they were at one moment.
struct ProcessFamily {
  /// A process id is used again; with the time of its start it is not.
  private let members: [(pid: Int32, started: String)]

  init(of root: Int32) {
    let all = Self.living()
    var family: Set<Int32> = [root]
    var grew = true
    while grew {
      let more = all.filter { family.contains($0.value.parent) && !family.contains($0.key) }.keys
      family.formUnion(more)
      grew = !more.isEmpty
    }
    members = family.compactMap { pid in all[pid].map { (pid, $0.started) } }
  }

  var count: Int { members.count }

  /// Command lines of those that still live.
  var survivors: [String] {
    let all = Self.living()
    return members.filter { all[$0.pid]?.started == $0.started }.map { pid, _ in
      let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
      return "\(pid) " + String(decoding: line, as: UTF8.self).replacing("\0", with: " ")
    }
  }

  /// Waits until none lives; what still does after ten seconds.
  func remaining() async -> [String] {
    let all = Self.living()
    for member in members where all[member.pid]?.started == member.started {
      guard await ProcessWatch.ends(member.pid, within: .seconds(10)) else { break }
    }
    return survivors
  }

  /// Everyone who is no zombie.
  private static func living() -> [Int32: (parent: Int32, started: String)] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []  // no /proc: nobody is found
    var all: [Int32: (parent: Int32, started: String)] = [:]
    for pid in names.compactMap({ Int32($0) }) {
      guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/stat"),
        let fields = String(decoding: data, as: UTF8.self).split(separator: ")").last?.split(separator: " "),
        fields.count > 19, fields[0] != "Z", let parent = Int32(fields[1])
      else { continue }
      all[pid] = (parent, String(fields[19]))
    }
    return all
  }
}
