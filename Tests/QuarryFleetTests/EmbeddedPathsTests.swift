import Foundation
import QuarryCore
import QuarryFleet
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct EmbeddedPathsTests {
  @Test func followsTheXDGFolders() throws {
    let folder = TemporaryDirectory()
    let paths = try EmbeddedPaths(
      fleet: "a b", environment: ["XDG_STATE_HOME": "/x/state/", "XDG_RUNTIME_DIR": folder.path, "HOME": "/h"])
    #expect(paths.state == "/x/state/quarry/fleets/a%20b")
    #expect(paths.socket.hasPrefix(folder.path + "/quarry/a%20b-") && paths.socket.hasSuffix(".sock"))
  }

  @Test func hasDefaults() throws {
    let paths = try EmbeddedPaths(fleet: "f", environment: ["HOME": "/h", "XDG_STATE_HOME": "relative/is/ignored"])
    #expect(paths.state == "/h/.local/state/quarry/fleets/f")
    #expect(paths.socket.hasPrefix("/tmp/quarry-\(getuid())/f-"))
  }

  @Test func socketIsShortAndOneForEachState() throws {
    let long = String(repeating: "n", count: 180)
    let one = try EmbeddedPaths(fleet: long, environment: ["HOME": "/h1"])
    let two = try EmbeddedPaths(fleet: long, environment: ["HOME": "/h2"])
    #expect(one.socket.utf8.count <= 107)
    #expect(one.socket != two.socket)
  }

  @Test(arguments: ["", "..", "a\u{7}"])
  func refusesTheName(_ name: String) {
    #expect(throws: QuarryError.self) { try EmbeddedPaths(fleet: name, environment: ["HOME": "/h"]) }
  }

  @Test func foldersAreForThisUserAlone() throws {
    let folder = TemporaryDirectory()
    let paths = try EmbeddedPaths(
      fleet: "f", environment: ["XDG_STATE_HOME": folder.path + "/state", "XDG_RUNTIME_DIR": folder.path])
    mkdir(folder.path + "/quarry", 0o755)
    try paths.prepare()
    for path in [folder.path + "/quarry", paths.state] {
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      #expect(mode == 0o700)
    }
  }

  @Test func missingServerSaysWhatToInstall() async throws {
    let folder = TemporaryDirectory()
    let environment = ["HOME": folder.path, "PATH": folder.path]
    let error = await #expect(throws: QuarryError.self) {
      try await EmbeddedRedis.join(fleet: "f", environment: environment)
    }
    #expect(error?.description.contains("apt install redis-server") == true)
  }

  @Test func unwritableStateFolderIsNamed() async throws {
    let error = await #expect(throws: QuarryError.self) {
      try await EmbeddedRedis.join(
        fleet: "f", environment: ["XDG_STATE_HOME": "/proc/nothing", "PATH": "/usr/bin"],
        shepherd: BuiltProducts.shepherd)
    }
    #expect(error?.description.contains("/proc/nothing") == true && error?.remedy != nil)
  }
}
