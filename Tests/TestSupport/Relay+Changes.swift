import Foundation

extension HTTPServer.Relay {
  /// With another line for a header, or without it.
  package static func header(_ name: String, _ change: @escaping @Sendable (String) -> String?) -> Self {
    .changed { answer in
      guard let end = answer.firstRange(of: Array("\r\n\r\n".utf8)) else { return answer }
      let lines = String(decoding: answer[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
      let changed = lines.compactMap { $0.lowercased().hasPrefix("\(name):") ? change($0) : $0 }
      return Array(changed.joined(separator: "\r\n").utf8) + answer[end.lowerBound...]
    }
  }

  /// With another text for one of the same length, wherever it stands.
  package static func text(_ old: String, _ new: String) -> Self {
    .changed { answer in Array(answer.replacing(Array(old.utf8), with: Array(new.utf8))) }
  }
}
