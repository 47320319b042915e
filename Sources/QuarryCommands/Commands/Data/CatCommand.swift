import QuarryCore
import QuarryLode

struct CatCommand: ExecutableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cat",
    abstract: "Prints stored records as they are, one JSON object a line, in the order they were committed.",
    discussion: """
      Without a flag all records of the dataset but the fleets' ledgers. Exit code 1 when nothing was found, or when \
      something is damaged: it is named on stderr, and the rest is printed.
      """)

  @OptionGroup(title: "Which records") var selection: RecordOptions
  @Option(
    "field",
    help: ArgumentHelp(
      "Print one value of the payload a line, as JSON: data.url, data.images.0, or /data/a.b. Records without it are left out.",
      valueName: "path"), transform: PayloadField.read)
  var field: PayloadField?
  @Flag("payload", help: "Print the payload alone. Records without one are left out.")
  var payload = false
  @Flag("raw", help: "With --field: print strings without quotes and escapes.")
  var raw = false
  @Flag("tail", help: "Go on with what is committed later, until Ctrl-C or the terminal's end.")
  var tail = false
  @OptionGroup(title: "Where they are") var dataset: DatasetOptions

  func execute(in context: CommandContext) async throws -> Int32 {
    if raw, field == nil {
      throw QuarryError(.usage, "--raw needs --field", remedy: "name the value to print: --field data.url")
    }
    if payload, field != nil {
      throw QuarryError(.usage, "--payload and --field exclude each other", remedy: "leave one of them out")
    }
    let reader = try dataset.reader(in: context)
    let printer = RecordPrinter(field: payload ? .whole : field, isRaw: raw)
    let pause = tail ? try TailPause.untilSignal() : nil
    let result = await OwnThread.run { [selection] in
      Result { () throws(QuarryError) in
        try printer.print(selection.query, reader, context.console, pause: pause)
      }
    }
    let (figures, printed) = try result.get()
    return try end(figures, printed: printed, reader, context)
  }

  private func end(
    _ figures: RecordFigures, printed: Int64, _ reader: LodeReader, _ context: CommandContext
  ) throws -> Int32 {
    guard figures.damages == 0 else {
      let several = figures.damages == 1 ? "one thing is" : "\(figures.damages) things are"
      context.console.say("\(several) damaged or missing, as said above; all that can be read was printed")
      return ExitCode.failure
    }
    guard printed > 0 || tail else {
      try NotFound.require(reader)
      throw try selection.nothing(figures, field: fieldText, in: reader, flags: dataset.flags(in: context))
    }
    return 0
  }

  private var fieldText: String? { field?.names.joined(separator: ".") }
}

/// Prints records, or one value of each.
private struct RecordPrinter: Sendable {
  /// Nil for whole records.
  let field: PayloadField?
  let isRaw: Bool

  /// - Parameter pause: waits for more; nil ends with what there is.
  /// - Returns: also how many lines were printed.
  func print(
    _ query: RecordQuery, _ reader: LodeReader, _ console: Console, pause: TailPause?
  ) throws(QuarryError) -> (RecordFigures, Int64) {
    let output = LineOutput(console)
    // Also what was read before a failure.
    defer { output.flush() }
    var printed: Int64 = 0
    let take = { (line: UnsafeRawBufferPointer) -> Bool in
      guard let text = field.map({ $0.value(in: line) }) ?? line else { return true }
      printed += 1
      if isRaw, let plain = RecordMembers.text(text) { return output.append(plain.utf8) }
      return output.append(text)
    }
    let note = { (damage: String) in console.warn(damage) }
    let figures =
      if let pause {
        try reader.follow(
          query, note: note, pause: { output.flush() && pause.wait() }, outage: { output.flush() && pause.wait() }
        ) { line in take(line) && !pause.isStopped }
      } else {
        try reader.records(query, note: note, body: take)
      }
    return (figures, printed)
  }
}

extension PayloadField {
  /// For the parser, which puts the flag's name before the complaint.
  static func read(_ text: String) throws -> PayloadField {
    guard let field = PayloadField(text) else {
      throw ValidationError("no path such as data.url, data.images.0 or /data/a.b")
    }
    return field
  }
}
