/// What one run may hold in memory, where several go on in this process: up to some sixteen stay below 64 MiB together, as
/// long as frames are of the size that the executor sends; beyond that each has the least with which it can work.
struct MemoryShare {
  private let parts: Int

  /// - Parameter runsAtOnce: runs that the process carries out together, from 1.
  init(runsAtOnce: Int) { parts = max(1, runsAtOnce) }

  /// Bytes that one read of the executor's output may bring.
  var readSize: Int { share(of: 1 << 20, atLeast: 128 << 10) }

  /// Bytes of lines in each of the two sets of records of a streaming run.
  var streamingBytes: Int { share(of: 4 << 20, atLeast: 512 << 10) }

  /// Bytes of lines that wait in a buffered run for which no number was asked.
  var bufferedBytes: Int { share(of: 8 << 20, atLeast: 1 << 20) }

  private func share(of whole: Int, atLeast least: Int) -> Int { max(least, whole / parts) }
}
