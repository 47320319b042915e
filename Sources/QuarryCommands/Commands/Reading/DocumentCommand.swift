/// A reading command whose answer is one document: the value that is printed, in whatever form.
protocol DocumentCommand: ExecutableCommand {
  var output: OutputOptions { get }

  /// What the command answers. Each call looks anew and changes nothing; what had to be passed over is said with
  /// the context's `passOver`.
  /// - Throws: `QuarryError`, and `NotFound` for an id that nothing has.
  func document(in context: CommandContext) async throws -> Output
}

extension DocumentCommand {
  func execute(in context: CommandContext) async throws -> Int32 { try await answer(in: context) }

  /// - Returns: the exit code: 1 when something had to be passed over.
  func answer(in context: CommandContext) async throws -> Int32 {
    var context = context
    context.passedOver = SharedFlag()
    try output.render(try await document(in: context), in: context)
    return context.endOfReading
  }
}
