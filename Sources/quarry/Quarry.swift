import QuarryCommands

@main
enum Quarry {
  static func main() {
    QuarryProgram.main()
  }
}
