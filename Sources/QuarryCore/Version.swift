/// The one version of the project: CLI, SDK, executor and contracts move in lockstep.
///
/// The same text stands in `VERSION`, `sdk/package.json`, `executor-node/package.json` and every contract page;
/// a test holds them together.
package enum Version {
  package static let current = "0.1.0"
}
