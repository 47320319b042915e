import Glibc
import QuarryCore
import S3Client

/// An object that is read in windows, each with a request of its own, so that a slow reader holds no connection. A window
/// is longer than the one before it as long as the reading goes on behind it; memory is that of one.
final class S3File: StoredFile {
  private static let longestWindow = 8 << 20

  private let store: S3Store
  private let place: String
  private let total: Int64
  private var window: [UInt8]
  /// Of the window's first byte in the object.
  private var start: Int64

  private init(_ store: S3Store, _ place: String, total: Int64, window: [UInt8], start: Int64) {
    self.store = store
    self.place = place
    self.total = total
    self.window = window
    self.start = start
  }

  /// - Returns: nil when there is no such object.
  static func open(_ store: S3Store, _ place: String, first: Range<Int64>) throws(FileFailure) -> S3File? {
    do throws(S3Error) {
      let object = try store.client.get(store.key(place), range: Int(first.lowerBound)..<Int(first.upperBound))
      let total = if let size = object.info.size { size } else { try store.client.size(store.key(place)) }
      return S3File(store, place, total: Int64(total), window: object.bytes, start: first.lowerBound)
    } catch {
      switch error.kind {
      case .noSuchKey: return nil
      // It is empty, or shorter than was thought.
      case .range:
        guard let size = try store.size(of: place) else { return nil }
        return S3File(store, place, total: size, window: [], start: size)
      default: throw FileFailure(error, place)
      }
    }
  }

  func size() -> Int64 { total }

  func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws(FileFailure) -> Int {
    guard position < total, !buffer.isEmpty else { return 0 }
    if position < start || position >= start + Int64(window.count) { try load(at: position, atLeast: buffer.count) }
    let offset = Int(position - start)
    let count = min(buffer.count, window.count - offset)
    window.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count])) }
    return count
  }

  private func load(at position: Int64, atLeast count: Int) throws(FileFailure) {
    let goesOn = position == start + Int64(window.count)
    let length = max(count, goesOn ? min(Self.longestWindow, max(window.count, 16 << 10) * 4) : count)
    let end = min(total, position + Int64(length))
    window = []
    do throws(S3Error) {
      window = try store.client.get(store.key(place), range: Int(position)..<Int(end)).bytes
      start = position
    } catch { throw FileFailure(error, place) }
    // It never changes once it is written.
    guard !window.isEmpty else { throw FileFailure("read", place, EIO) }
  }
}
