import Glibc
import QuarryCore
import TestSupport
import Testing

import QuarryFleet

@Suite(.timeLimit(.minutes(5))) struct ScriptRootTests {
  /// root/list.ts, root/pages/detail.ts, root/pages/list.ts, root/link.ts → outside.
  private func withRoot(_ body: (ScriptRoot, String) throws -> Void) throws {
    let folder = TemporaryDirectory()
    let root = folder.path + "/root"
    for path in [root, root + "/pages"] { mkdir(path, 0o755) }
    for file in [root + "/list.ts", root + "/pages/detail.ts", root + "/pages/list.ts", folder.path + "/outside.ts"] {
      let handle = try #require(fopen(file, "w"))
      fputs("export default 1", handle)
      fclose(handle)
    }
    symlink(folder.path + "/outside.ts", root + "/link.ts")
    try body(try ScriptRoot(root), root)
  }

  @Test func aTargetIsLookedForBesideItsEmitterThenUnderTheRoot() throws {
    try withRoot { root, path throws in
      #expect(root.target("detail.ts", emittedBy: "pages/list.ts") == "pages/detail.ts")
      #expect(root.target("list.ts", emittedBy: "pages/detail.ts") == "pages/list.ts")
      #expect(root.target("../list.ts", emittedBy: "pages/detail.ts") == "list.ts")
      #expect(root.target("pages/./detail.ts", emittedBy: "pages/list.ts") == "pages/detail.ts")
      #expect(root.target(root.path + "/list.ts", emittedBy: "pages/list.ts") == "list.ts")
      #expect(root.target("missing.ts", emittedBy: "pages/list.ts") == "pages/missing.ts")
    }
  }

  @Test(arguments: [
    "../outside.ts", "/etc/passwd", "pages/../../outside.ts", "link.ts", "pages", "missing.ts", "", ".",
  ])
  func whatIsOutsideOrNoFileIsRefused(_ target: String) throws {
    try withRoot { root, path throws in
      #expect(throws: QuarryError.self) { try root.file(of: target) }
    }
  }

  @Test func anOutsideTargetStaysAsItCameSoThatItIsRefusedByName() throws {
    try withRoot { root, path throws in
      #expect(root.target("../../x.ts", emittedBy: "list.ts") == "../../x.ts")
    }
  }

  @Test func theHashIsOfTheBytes() throws {
    try withRoot { root, path throws in
      #expect(try root.contentHash(of: "list.ts") == Fingerprint.ofContent(Array("export default 1".utf8)))
      #expect(try root.target(named: path + "/pages/detail.ts") == "pages/detail.ts")
      #expect(try root.target(named: "pages/detail.ts") == "pages/detail.ts")
    }
  }
}
