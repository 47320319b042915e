// swift-tools-version: 6.1
import PackageDescription

// The arrows between targets are the architecture: docs/architecture.md says why, scripts/check-arrows
// holds every import line against this file.

// A program that starts for every run links what it needs of Swift into itself: its start-up is then a few
// milliseconds, which loading the shared libraries alone would take. Static archives do not name the ones that they
// need in turn, so Foundation's are named here, each before those it uses.
let foundation = [
  "Foundation", "CoreFoundation", "FoundationInternationalization", "FoundationEssentials", "_FoundationCollections",
  "_FoundationCShims", "_FoundationICU",
]
// Linked to a fixed address, it has no relocations to work through either; libraries, heap and stacks stay at random ones.
let quickStart: [LinkerSetting] =
  [.unsafeFlags(["-static-stdlib", "-use-ld=lld", "-Xlinker", "-no-pie", "-Xclang-linker", "-no-pie"])]
  + foundation.map { .linkedLibrary($0) }
// Plain C: nothing of Swift is in it once unused sections are gone.
let noRuntime: [LinkerSetting] = [
  .unsafeFlags(["-use-ld=lld", "-static-executable", "-Xlinker", "--gc-sections"])
]

let package = Package(
  name: "quarry",
  dependencies: [
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .executableTarget(name: "quarry", dependencies: ["QuarryCommands", "CHeadStart"], linkerSettings: quickStart),
    .target(name: "CHeadStart"),
    .executableTarget(name: "quarry-shepherd", linkerSettings: noRuntime),
    .target(
      name: "QuarryCommands",
      dependencies: [
        "QuarryRuntime", "QuarryLode", "QuarryFleet", "QuarryPublish", "QuarryTerminal", "QuarryMetrics", "QuarryCore",
        "QuarryWire", "RedisClient", "S3Client", "PercentEncoding", "Yams",
      ]),
    .target(name: "QuarryRuntime", dependencies: ["QuarryWire", "QuarryCore", "PercentEncoding", "CLinux"]),
    .target(name: "QuarryWire", dependencies: ["QuarryCore"]),
    .target(
      name: "QuarryLode",
      dependencies: [
        "CLinux", "CZlib", "CZstd", "S3Client", "QuarryCore", .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .target(
      name: "QuarryFleet", dependencies: ["RedisClient", "QuarryCore"],
      resources: [.embedInCode("Lua")]),
    .target(name: "QuarryPublish", dependencies: ["RedisClient", "HTTPClient", "QuarryCore"]),
    .target(name: "QuarryTerminal", dependencies: ["CLinux", "QuarryCore"]),
    .target(name: "QuarryMetrics", dependencies: ["CLinux", "QuarryCore"]),
    .target(
      name: "S3Client",
      dependencies: ["HTTPClient", "PercentEncoding", .product(name: "Crypto", package: "swift-crypto")]),
    .target(name: "HTTPClient", dependencies: ["CCurl"]),
    .target(
      name: "RedisClient",
      dependencies: ["CHiredis", "PercentEncoding", .product(name: "Crypto", package: "swift-crypto")]),
    .target(name: "PercentEncoding"),
    .systemLibrary(name: "CLinux"),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
    .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .target(
      name: "QuarryCore",
      dependencies: ["CLinux", "PercentEncoding", .product(name: "Crypto", package: "swift-crypto")]),

    .executableTarget(
      name: "queue-benchmark",
      dependencies: ["QuarryFleet", "QuarryLode", "QuarryPublish", "RedisClient", "QuarryCore", "TestSupport"],
      path: "Benchmarks/queue"),
    .executableTarget(
      name: "ingestion-benchmark",
      dependencies: ["QuarryRuntime", "QuarryLode", "QuarryWire", "QuarryCore", "TestSupport"],
      path: "Benchmarks/ingestion"),
    .executableTarget(
      name: "commit-benchmark", dependencies: ["QuarryLode", "QuarryCore", "TestSupport"], path: "Benchmarks/commit"),
    .executableTarget(
      name: "scale-benchmark", dependencies: ["QuarryLode", "QuarryCore", "TestSupport"], path: "Benchmarks/scale"),
    .executableTarget(
      name: "s3-benchmark", dependencies: ["S3Client", "TestSupport"], path: "Benchmarks/s3", exclude: ["boto.py"]),

    .target(name: "TestSupport", dependencies: ["CLinux", "QuarryCore"], path: "Tests/TestSupport"),
    .target(name: "TestTraits", dependencies: ["QuarryCore"], path: "Tests/TestTraits"),
    .testTarget(name: "QuarryWireTests", dependencies: ["QuarryWire", "QuarryCore"]),
    .testTarget(
      name: "QuarryRuntimeTests", dependencies: ["QuarryRuntime", "QuarryWire", "QuarryCore", "TestSupport"]),
    .testTarget(name: "QuarryCoreTests", dependencies: ["QuarryCore"]),
    .testTarget(name: "PercentEncodingTests", dependencies: ["PercentEncoding"]),
    .testTarget(name: "QuarryTerminalTests", dependencies: ["QuarryTerminal", "QuarryCore"]),
    .testTarget(name: "QuarryMetricsTests", dependencies: ["QuarryMetrics", "QuarryCore", "TestSupport"]),
    .testTarget(
      name: "QuarryPublishTests", dependencies: ["QuarryPublish", "RedisClient", "QuarryCore", "TestSupport"]),
    .testTarget(
      name: "S3ClientTests",
      dependencies: [
        "S3Client", "HTTPClient", "QuarryCore", "TestSupport", "TestTraits",
        .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .testTarget(name: "HTTPClientTests", dependencies: ["HTTPClient", "TestSupport"]),
    .testTarget(name: "RedisClientTests", dependencies: ["RedisClient", "TestSupport"]),
    .target(
      name: "LodeScenarios", dependencies: ["QuarryLode", "QuarryCore", "TestSupport"], path: "Tests/LodeScenarios"),
    .executableTarget(
      name: "lode-victim", dependencies: ["LodeScenarios", "QuarryLode", "QuarryCore"], path: "Tests/LodeVictim"),
    .testTarget(
      name: "QuarryLodeTests",
      dependencies: [
        "LodeScenarios", "QuarryLode", "S3Client", "QuarryCore", "TestSupport", "TestTraits",
        .product(name: "Crypto", package: "swift-crypto"),
      ]),
    .testTarget(
      name: "QuarryFleetTests",
      dependencies: ["QuarryFleet", "QuarryRuntime", "RedisClient", "QuarryCore", "TestSupport"]),
    .testTarget(
      name: "QuarryCommandsTests",
      dependencies: [
        "QuarryCommands", "QuarryRuntime", "QuarryFleet", "QuarryPublish", "QuarryTerminal", "RedisClient",
        "QuarryCore", "TestSupport",
      ]),
    .testTarget(
      name: "EndToEndTests", dependencies: ["QuarryCore", "TestSupport"], exclude: ["Executors"]),
  ],
  swiftLanguageModes: [.v6]
)
