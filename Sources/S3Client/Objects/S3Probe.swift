/// Which conditions a store holds writes to. One that ignores them answers as if they had held.
package struct S3Conditions: Sendable, Equatable {
  /// A second write of what must not be there is refused.
  package let honoursAbsent: Bool
  /// A write of what must be something else is refused, and the right one is not.
  package let honoursMatch: Bool

  package init(honoursAbsent: Bool, honoursMatch: Bool) {
    self.honoursAbsent = honoursAbsent
    self.honoursMatch = honoursMatch
  }
}

extension S3Client {
  /// Finds out by writing a small object a few times, which is gone afterwards.
  /// - Parameter prefix: of its key: `prefix/` of a dataset.
  package func probeConditions(prefix: String = "") throws(S3Error) -> S3Conditions {
    let key = "\(prefix).probe-\(PutID.random())"
    let result: Result<S3Conditions, S3Error>
    do throws(S3Error) { result = .success(try probe(key)) } catch { result = .failure(error) }
    do throws(S3Error) { try delete(key) } catch {
      // Why the probe failed says more.
      _ = try result.get()
      throw error
    }
    return try result.get()
  }

  private func probe(_ key: String) throws(S3Error) -> S3Conditions {
    // Without a condition first: whoever may not write hears just that.
    try put(key, Array("0".utf8))
    let honoursAbsent = try outcome(key, "1", if: .absent) == .refused
    let etag = try put(key, Array("2".utf8))
    let refusesOthers = try outcome(key, "3", if: .matches("\"00000000000000000000000000000000\"")) == .refused
    // After a write that should not have been, its ETag is not this one any more.
    guard refusesOthers else { return S3Conditions(honoursAbsent: honoursAbsent, honoursMatch: false) }
    let takesItsOwn = try outcome(key, "4", if: .matches(etag)) == .written
    return S3Conditions(honoursAbsent: honoursAbsent, honoursMatch: takesItsOwn)
  }

  private enum Outcome { case written, refused, unknownHeader }

  private func outcome(_ key: String, _ text: String, if condition: S3Condition) throws(S3Error) -> Outcome {
    do throws(S3Error) { try put(key, Array(text.utf8), if: condition) } catch {
      switch error.kind {
      case .conditionFailed: return .refused
      // Nobody else knows the key: when a try that was lost is followed by this, the condition did not hold then either.
      case .uncertain where error.status == 412: return .refused
      case .notImplemented: return .unknownHeader
      default: throw error
      }
    }
    return .written
  }
}
