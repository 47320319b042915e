import Glibc

/// Memory that ends where the next byte may be neither read nor written: one step too far ends the process.
final class GuardedBytes {
  let bytes: UnsafeMutableRawBufferPointer
  private let pages: UnsafeMutableRawPointer
  private let length: Int

  private struct NoMemory: Error {}

  init(count: Int) throws {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let room = (count + page - 1) / page * page
    length = room + page
    guard let pages = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      pages != MAP_FAILED,
      mprotect(pages + room, page, PROT_NONE) == 0
    else { throw NoMemory() }
    self.pages = pages
    bytes = UnsafeMutableRawBufferPointer(start: pages + room - count, count: count)
  }

  convenience init(_ content: [UInt8]) throws {
    try self.init(count: content.count)
    bytes.copyBytes(from: content)
  }

  deinit { munmap(pages, length) }
}
