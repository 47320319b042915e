import QuarryCommands

@main
enum Quarry {
  static func main() async {
    await QuarryProgram.main()
  }
}
