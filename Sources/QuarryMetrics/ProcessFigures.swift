import CLinux
import Glibc

/// What the system counts of this process, under the names that Prometheus' own clients give it.
package enum ProcessFigures {
  package static var families: [MetricFamily] {
    var usage = rusage()
    getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
    var families = [
      MetricFamily(
        .counter, "process_cpu_seconds_total", "CPU time of this process, user and system.",
        seconds(usage.ru_utime) + seconds(usage.ru_stime))
    ]
    if let memory = residentMemory {
      families.append(
        MetricFamily(.gauge, "process_resident_memory_bytes", "Resident memory of this process.", Double(memory)))
    }
    return families + [
      MetricFamily(.gauge, "process_start_time_seconds", "Start of this process, in unix time.", startTime)
    ]
  }

  /// In bytes; nil where /proc cannot be read.
  package static var residentMemory: Int? {
    let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var text = [UInt8](repeating: 0, count: 256)
    let count = read(file, &text, text.count)
    guard count > 0 else { return nil }
    let words = text[..<count].split(separator: UInt8(ascii: " "))
    guard words.count > 1, let pages = Int(String(decoding: words[1], as: UTF8.self)) else { return nil }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// Gives memory that is not in use back to the system.
  package static func trim() { _ = malloc_trim(0) }

  /// When it was first asked for, which a program does when it starts.
  private static let startTime = Double(time(nil))

  private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
}
