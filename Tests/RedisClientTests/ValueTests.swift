import Testing

import RedisClient

@Suite(.timeLimit(.minutes(5))) struct EndpointTests {
  @Test func readsEveryForm() throws {
    #expect(try RedisEndpoint(url: "redis://") == RedisEndpoint(.tcp(host: "localhost", port: 6379)))
    #expect(
      try RedisEndpoint(url: "redis://ann:p%40ss:x@db.example:7000/3")
        == RedisEndpoint(.tcp(host: "db.example", port: 7000), user: "ann", password: "p@ss:x", database: 3))
    #expect(
      try RedisEndpoint(url: "redis://:secret@[::1]:1")
        == RedisEndpoint(.tcp(host: "::1", port: 1), password: "secret")
    )
    #expect(try RedisEndpoint(url: "redis://h?db=2").database == 2)
    #expect(
      try RedisEndpoint(url: "unix:///run/a%20b.sock?db=1") == RedisEndpoint(.unix(path: "/run/a b.sock"), database: 1))
    #expect(try RedisEndpoint(url: "unix://:pw@/s") == RedisEndpoint(.unix(path: "/s"), password: "pw"))
  }

  @Test(arguments: [
    "localhost:6379", "http://h", "redis://h:0", "redis://h:99999", "redis://h:x", "redis://h/x", "redis://h?q=1",
    "redis://user@h", "redis://:%zz@h", "redis://:%+f@h", "redis://[::1", "unix://relative", "unix://", "",
    "rediss://h?ca=/x", "redis://h?cacert=/x", "rediss://h?cert=/x", "rediss://h?cacert=", "redis+sentinel://h",
    "redis+sentinel://h/", "redis://a,b:x", "redis://h?sentinel_user=x",
  ])
  func refuses(_ url: String) {
    #expect(throws: RedisError.self) { try RedisEndpoint(url: url) }
  }

  @Test func readsTLSAndItsFiles() throws {
    var tls = RedisTLS()
    #expect(try RedisEndpoint(url: "rediss://h") == RedisEndpoint(.tcp(host: "h", port: 6379), tls: tls))
    (tls.authorities, tls.certificate, tls.key, tls.serverName) = ("/ca", "/a b", "/k", "db.test")
    let endpoint = try RedisEndpoint(url: "rediss://h:1/2?cacert=/ca&cert=/a%20b&key=/k&server_name=db.test")
    #expect(endpoint == RedisEndpoint(.tcp(host: "h", port: 1), database: 2, tls: tls))
    #expect("\(endpoint)" == "rediss://h:1/2")
  }

  @Test func readsSeveralServersAndSentinels() throws {
    let servers = [RedisEndpoint.Server(host: "a", port: 7000), .init(host: "::1", port: 6379)]
    #expect(try RedisEndpoint(url: "redis://a:7000,[::1]/1") == RedisEndpoint(.servers(servers), database: 1))
    let url = "redis+sentinel://ann:pw@a:7000,[::1]:6379/my%20one/3?sentinel_user=s&sentinel_password=hunter2"
    let endpoint = try RedisEndpoint(url: url)
    guard case .sentinels(let sentinels) = endpoint.address else {
      Issue.record("no sentinels")
      return
    }
    #expect(sentinels.servers == servers && sentinels.primary == "my one")
    #expect(sentinels.user == "s" && sentinels.password == "hunter2")
    #expect(endpoint.user == "ann" && endpoint.password == "pw" && endpoint.database == 3)
    #expect("\(endpoint)" == "redis+sentinel://ann:***@a:7000,[::1]:6379/my one/3")
    #expect(try RedisEndpoint(url: "rediss+sentinel://a/m").tls != nil)
  }

  @Test(
    arguments: [
      ("redis://ann:hunter2@h:1/2", "redis://h:1/2"), ("redis://:hunter2@h", "redis://h"),
      ("unix://:hun/ter2@/s?db=1", "unix:///s?db=1"), ("unix:///a@b", "unix:///a@b"),
      ("rediss://:hunter2@a:1,[::1]/2?cacert=/a@b", "rediss://a:1,[::1]/2?cacert=/a@b"),
      (
        "redis+sentinel://ann:hunter2@a,b/m/3?sentinel_user=s&sentinel_password=hunter2&db=3",
        "redis+sentinel://a,b/m/3?db=3"
      ),
      ("redis+sentinel://a/m?sentinel_password=hunter2", "redis+sentinel://a/m"),
    ])
  func isTypedWithoutPasswords(_ url: String, _ typed: String) throws {
    #expect(RedisEndpoint.withoutPasswords(url) == typed)
    var endpoint = try RedisEndpoint(url: url)
    (endpoint.user, endpoint.password) = (nil, nil)
    if case .sentinels(var sentinels) = endpoint.address {
      (sentinels.user, sentinels.password) = (nil, nil)
      endpoint.address = .sentinels(sentinels)
    }
    #expect(try RedisEndpoint(url: typed) == endpoint)
  }

  @Test func neverShowsThePassword() throws {
    for url in [
      "redis://ann:hunter2@h:1/2", "unix://:hunter2@/s", "redis://ann:hunter2@h:bad",
      "redis+sentinel://h?sentinel_password=a@hunter2",
    ] {
      do {
        #expect(!"\(try RedisEndpoint(url: url))".contains("hunter2"))
      } catch { #expect(!"\(error)".contains("hunter2")) }
    }
    #expect("\(try RedisEndpoint(url: "redis://ann:hunter2@h:1/2"))" == "redis://ann:***@h:1/2")
  }
}

@Suite(.timeLimit(.minutes(5))) struct CommandTests {
  @Test func encodesAnyBytes() {
    var out: [UInt8] = []
    let command: RedisCommand = ["SET", .bytes([0, 13, 10]), -5, "é"]
    command.encode(into: &out)
    #expect(out == Array("*4\r\n$3\r\nSET\r\n$3\r\n".utf8) + [0, 13, 10] + Array("\r\n$2\r\n-5\r\n$2\r\né\r\n".utf8))
  }

  @Test func scriptIsKnownByItsHash() {
    #expect(RedisScript("return 1").sha1 == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
  }
}

@Suite(.timeLimit(.minutes(5))) struct BackoffTests {
  @Test func doublesUpToItsLimitWithJitter() {
    var random = SystemRandomNumberGenerator()
    var backoff = Backoff(first: .milliseconds(100), longest: .seconds(20))
    for bound in [100, 200, 400, 800, 1600, 3200, 6400, 12800, 20000, 20000, 20000] {
      let pause = backoff.next(using: &random)
      #expect(pause <= .milliseconds(bound) && pause >= .milliseconds(bound / 2))
    }
    backoff.reset()
    #expect(backoff.next(using: &random) <= .milliseconds(100))
  }
}

@Suite(.timeLimit(.minutes(5))) struct ServerCheckTests {
  private let endpoint = RedisEndpoint(.unix(path: "/s"))

  @Test(arguments: ["redis_version:6.2.0", "redis_version:7.0.15", "redis_version:7.2.4\r\nvalkey_version:8.1.0"])
  func accepts(_ info: String) throws {
    try RedisServerCheck.verify(info: "# Server\r\n\(info)\r\nmaxmemory_policy:noeviction\r\n", endpoint: endpoint)
  }

  @Test(arguments: [
    ("redis_version:6.0.16", "6.2"), ("redis_version:7.2.4\r\nvalkey_version:7.1.0", "7.2"), ("x:1", "6.2"),
    ("redis_version:7.0.0\r\nmaxmemory_policy:allkeys-lru", "CONFIG SET maxmemory-policy noeviction"),
  ])
  func refuses(_ info: String, remedy: String) throws {
    let error = try #require(throws: RedisError.self) { try RedisServerCheck.verify(info: info, endpoint: endpoint) }
    #expect(error.kind == .unsuitable)
    #expect(error.description.contains(remedy))
  }
}
