import QuarryCommands
import QuarryCore
import Testing

/// What is not there is refused by name, with exit code 2 and nothing on stdout.
@Suite struct RefusalTests {
  private func expectRefusal(_ arguments: [String], _ fragments: String...) async {
    let result = await CommandHarness().run(arguments)
    #expect(result.exitCode == 2, "\(arguments)")
    #expect(result.output.isEmpty)
    #expect(result.error.hasPrefix("quarry: "))
    for fragment in fragments { #expect(result.error.contains(fragment), "\(arguments): \(result.error)") }
  }

  @Test func unknownCommandProposesTheNearest() async {
    await expectRefusal(["rn"], "unknown command `quarry rn`", "did you mean `quarry run`?")
    await expectRefusal(["coordnator"], "did you mean `quarry coordinator`?")
    await expectRefusal(["list", "rusn"], "unknown command `quarry list rusn`", "did you mean `quarry list runs`?")
    await expectRefusal(["help", "nosuch"], "unknown command `quarry nosuch`")
    await expectRefusal(["help", "list", "rusn"], "did you mean `quarry list runs`?")
    await expectRefusal(["xyzzy"], "unknown command `quarry xyzzy`", "`quarry --help`")
  }

  @Test func unknownFlagProposesTheNearest() async {
    await expectRefusal(["version", "--fromat", "json"], "unknown option '--fromat'", "did you mean '--format'?")
    await expectRefusal(["run", "--scirpt", "a.ts"], "unknown option '--scirpt'", "did you mean '--script'?")
  }

  @Test func aFlagOfOneValueIsGivenOnce() async {
    await expectRefusal(["cat", "--run", "a", "--run", "b"], "'--run' is given more than once", "but one")
    await expectRefusal(
      ["run", "--script=a.ts", "--job-id", "j", "--script", "b.ts"], "'--script' is given more than once")
    await expectRefusal(
      ["artifact", "get", "r", "n", "-o", "a", "--output", "b"], "'--output' is given more than once")
    // These may be repeated, and a switch says nothing new the second time: what is refused is something else.
    await expectRefusal(
      ["cat", "--type", "item", "--type", "log", "--tail", "--tail", "--storage-path", "/nonexistent/x"],
      "storage path /nonexistent/x")
    await expectRefusal(["cat", "--storage-path", "/nonexistent/x", "--", "--run", "--run"], "unexpected")
  }

  @Test func aPathMayBeAnAddressOfAFile() async {
    await expectRefusal(
      ["list", "runs", "--storage-path", "file:///nonexistent/my%20data"], "storage path /nonexistent/my data: ")
    await expectRefusal(
      ["list", "runs", "--storage-path", "file:///none%zz"], "storage path /nonexistent/file:///none%zz: ")
  }

  /// As a variable that is not set gives it.
  @Test(arguments: [
    ("run", "--storage-path"), ("run", "--report"), ("run", "--resolve-from"), ("run", "--browser-ws-endpoint"),
    ("worker", "--redis"), ("worker", "--script-root"), ("pause fleet", "--redis"), ("list runs", "--storage-path"),
    ("cat", "--type"), ("coordinator", "--lease"),
  ])
  func aValueThatIsEmptyIsRefusedByItsFlag(command: String, flag: String) async {
    let words = command.split(separator: " ").map(String.init)
    await expectRefusal(words + [flag, ""], "the value '' is invalid for '\(flag)", "may not be set")
    await expectRefusal(words + ["\(flag)="], "the value '' is invalid for '\(flag)", "may not be set")
  }

  @Test func unknownFormatIsAnError() async {
    await expectRefusal(["version", "--format", "xml"], "'xml'", "--format")
  }

  @Test func aFilterThatMakesNoSenseIsRefusedByName() async {
    await expectRefusal(["stats", "tasks", "--source", "s"], "unknown option '--source'")
    await expectRefusal(["stats", "proxies", "--state", "failed"], "unknown option '--state'")
    await expectRefusal(["stats", "metrics", "--state", "running"], "'running'", "--state")
    await expectRefusal(["list", "runs", "--state", "done"], "'done'", "--state")
    await expectRefusal(
      ["list", "runs", "--since", "yesterday"], "the value 'yesterday' is invalid for '--since",
      "not a time such as 90m")
    await expectRefusal(
      ["list", "runs", "--day", "2026-13-01"], "the value '2026-13-01' is invalid for '--day", "not a day")
    await expectRefusal(
      ["stats", "runs", "--lost-after", "0s"], "the value '0s' is invalid for '--lost-after", "more than nothing")
    for command in [
      ["list", "runs"], ["list", "jobs"], ["list", "executors"], ["stats", "runs"], ["stats", "proxies"],
    ] {
      await expectRefusal(
        command + ["--fleet", "f", "--day", "2026-11-24"], "--day is not known to a live fleet", "--storage-path DIR")
    }
    await expectRefusal(["stats", "runs", "--fleet", "f", "--accepted"], "--accepted is not known to a live fleet")
    await expectRefusal(["stats", "proxies", "--fleet", "f"], "by their configuration only", "--config FILE")
  }

  @Test func groupsNeedACommand() async {
    await expectRefusal([], "`quarry` needs one of: run")
    await expectRefusal(["list"], "`quarry list` needs one of: runs")
    await expectRefusal(["inspect"], "`quarry inspect` needs one of: run")
    await expectRefusal(
      ["debug", "resolve"], "`quarry debug resolve` needs one of: proxy", "`quarry debug resolve --help`")
  }

  @Test(arguments: [["buffered", "needs a bound"], ["bufered", "unknown policy"]])
  func policyIsChecked(_ pair: [String]) async {
    await expectRefusal(["run", "--script", "a.ts", "--policy", pair[0]], pair[1])
  }

  @Test(arguments: [
    ["--host-concurrency", "0"], ["--host-delay", "soon"], ["--host-max-pages", "-1"], ["--job-concurrency", "many"],
  ])
  func boundsOfHostsAndJobsAreChecked(_ flag: [String]) async {
    await expectRefusal(["coordinator", "--script", "a.ts", flag[0] + "=" + flag[1]], flag[0])
  }

  @Test func aDelayBetweenTwoStartsIsADayAtMost() async {
    await expectRefusal(
      ["coordinator", "--script", "/bin/sh", "--script-root", "/", "--host-delay", "25h"],
      "a host delay of 25h00m is longer than a day", "--host-delay")
    for subject in [[], ["--job", "j"], ["--host", "shop.example"]] {
      await expectRefusal(
        ["control", "set", "--host-delay", "25h"] + subject, "a host delay of 25h00m is longer than a day",
        "--host-delay")
    }
  }

  @Test(arguments: ["''", "a b", "https://shop.example/"]) func limitsAreOfAHostThatAURLCanName(_ host: String) async {
    await expectRefusal(
      ["control", "set", "--host=\(host)", "--host-concurrency", "1"], "--host '\(host)' is not a host's name",
      "shop.example")
  }

  @Test func eventsHaveTheirTypes() async {
    await expectRefusal(
      ["list", "events", "--type", "task_dead", "--type", "nonsense"], "there is no event type 'nonsense'", "task_dead",
      "job_missing")
  }

  @Test func isolationAndItsLimitAreChecked() async {
    await expectRefusal(
      ["run", "--script", "/bin/sh", "--isolation", "modul"], "unknown isolation 'modul'", "did you mean 'module'?")
    for size in ["0", "-1", "lots", "1.5g", "99999999999g"] {
      await expectRefusal(["run", "--script", "/bin/sh", "--executor-max-rss=\(size)"], "--executor-max-rss", "256MiB")
      await expectRefusal(["run", "--script", "/bin/sh", "--buffer-bytes=\(size)"], "--buffer-bytes", "256MiB")
    }
    await expectRefusal(
      ["run", "--script", "/bin/sh", "--executor-max-runs", "0"], "--executor-max-runs", "at least 1")
  }

  @Test func helpIsDataOnStdout() async {
    for arguments in [
      ["--help"], ["help"], ["list", "--help"], ["help", "version"], ["help", "list", "runs"], ["version", "-h"],
    ] {
      let result = await CommandHarness().run(arguments)
      #expect(result.exitCode == 0, "\(arguments)")
      #expect(result.output.contains("USAGE"), "\(arguments)")
      #expect(result.error.isEmpty)
    }
  }
}
