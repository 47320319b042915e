import QuarryCore
import QuarryRuntime
import Testing

@Suite struct ScriptCheckTests {
  private func check(_ body: String, timeout: Duration = .seconds(30)) throws -> ScriptCheck.Answer {
    let executor = try FakeExecutor(body, interpreter: "/bin/sh")
    return try ScriptCheck.check(script: "s.ts", executor: executor.program, timeout: timeout)
  }

  @Test func answersAreTheExecutorsOwn() throws {
    let valid = try check(
      #"[ "$*" = "--validate s.ts" ] && echo '{"valid":true,"exports":{"default":true,"hooks":[]}}'"#)
    #expect(valid == .valid(["valid": true, "exports": ["default": true, "hooks": []]]))
    let invalid = try check(#"echo noise >&2; echo '{"valid":false,"error":"s.ts:3: unexpected end"}'; exit 1"#)
    #expect(invalid == .invalid("s.ts:3: unexpected end"))
  }

  @Test(arguments: ["echo broken >&2; exit 2", "echo '[1'", "yes"]) func noAnswerNamesTheExecutor(_ body: String) throws
  {
    #expect {
      try check(body, timeout: .milliseconds(300))
    } throws: {
      ($0 as? QuarryError)?.kind == .executor
    }
  }
}
