import Glibc
import QuarryCore

/// The job: the JSON object that the script gets.
struct JobOptions: ParsableArguments {
  @Option("job", help: ArgumentHelp("The job, a JSON object. Default: {}.", valueName: "json"))
  var job: String?

  @Option("job-json", help: ArgumentHelp("A file that holds the job.", valueName: "file"))
  var jobJson: String?

  private static let sizeLimit = 8 << 20
  /// What some editors put in front of UTF-8.
  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// The job, a JSON object. Warns of numbers that a script would get rounded.
  /// - Throws: `QuarryError(.usage)` when it is no JSON object, or given twice.
  func value(in context: CommandContext) throws(QuarryError) -> JSONValue {
    let job = try read(in: context)
    if let (place, number) = Self.rounded(job, at: "job") {
      context.console.warn(
        "\(place) is \(number), which no number of a script holds exactly: whole numbers above 2^53 are rounded there;"
          + " give it as a text")
    }
    return job
  }

  private func read(in context: CommandContext) throws(QuarryError) -> JSONValue {
    switch (job, jobJson) {
    case (nil, nil): return [:]
    case (_?, _?):
      throw QuarryError(.usage, "--job and --job-json are both given", remedy: "leave one of them out")
    case (let text?, nil): return try Self.object(Array(text.utf8), from: "--job")
    case (nil, let file?):
      guard let bytes = SmallFile.read(context.absolute(file), limit: Self.sizeLimit) else {
        throw QuarryError(
          .usage, "job file \(file) cannot be read: \(String(cString: strerror(errno)))",
          remedy: "name a readable file that holds one JSON object")
      }
      return try Self.object(bytes.starts(with: Self.byteOrderMark) ? Array(bytes.dropFirst(3)) : bytes, from: file)
    }
  }

  private static func object(_ bytes: [UInt8], from origin: String) throws(QuarryError) -> JSONValue {
    let value: JSONValue
    do {
      value = try JSONParser.parse(bytes)
    } catch {
      throw QuarryError(
        .usage, "the job is not JSON (\(origin), \(error))",
        remedy: #"for example: --job '{"url":"https://example.org/"}'"#)
    }
    guard value.object != nil else {
      throw QuarryError(
        .usage, "the job (\(origin)) is \(kind(of: value)), not an object",
        remedy: #"put it into one, for example: --job '{"items": …}'"#)
    }
    return value
  }

  /// The first whole number that a script cannot hold as it is, with the way to it.
  private static func rounded(_ value: JSONValue, at place: String) -> (place: String, number: String)? {
    switch value {
    case .integer(let number): Double(exactly: number) == nil ? (place, "\(number)") : nil
    case .unsigned(let number): Double(exactly: number) == nil ? (place, "\(number)") : nil
    case .array(let elements): elements.indices.lazy.compactMap { rounded(elements[$0], at: "\(place)[\($0)]") }.first
    case .object(let members):
      members.keys.sorted().lazy.compactMap { key in members[key].flatMap { rounded($0, at: "\(place).\(key)") } }.first
    case .null, .bool, .double, .string: nil
    }
  }

  private static func kind(of value: JSONValue) -> String {
    switch value {
    case .null: "null"
    case .bool: "a truth value"
    case .integer, .unsigned, .double: "a number"
    case .string: "a text"
    case .array: "a list"
    case .object: "an object"
    }
  }
}
