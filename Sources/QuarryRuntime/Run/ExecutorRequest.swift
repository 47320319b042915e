import QuarryCore

/// The first line of the executor's input.
enum ExecutorRequest {
  /// One JSON object and a newline.
  /// - Parameter namesScript: for an executor that was not started for one script.
  /// - Throws: `QuarryError(.usage)` when the job is not a JSON object.
  static func line(for configuration: RunConfiguration, namesScript: Bool = false) throws(QuarryError) -> [UInt8] {
    let identity = configuration.identity
    var out: [UInt8] = [UInt8(ascii: "{")]
    JSONText.appendMember("run_id", identity.runID, to: &out)
    JSONText.appendMember("attempt", Int64(identity.attempt), to: &out)
    if namesScript { JSONText.appendMember("script", configuration.script, to: &out) }
    JSONText.appendMember("job_id", identity.jobID, to: &out)
    JSONText.appendMember("parent_run_id", identity.parentRunID, to: &out)
    if let depth = identity.depth { JSONText.appendMember("depth", Int64(depth), to: &out) }
    JSONText.appendKey("job", to: &out)
    out += try singleLine(job: configuration.job)
    if let endpoint = configuration.proxy?.endpoint { append(endpoint, to: &out) }
    JSONText.appendMember("browser_ws_endpoint", configuration.browserEndpoint, to: &out)
    JSONText.appendKey("storage", to: &out)
    appendStorage(configuration.partition, to: &out)
    out += [UInt8(ascii: "}"), UInt8(ascii: "\n")]
    return out
  }

  /// The job's own text, so that its numbers arrive as they were written. A newline in valid JSON is but a space.
  private static func singleLine(job: String) throws(QuarryError) -> [UInt8] {
    do {
      guard case .object = try JSONParser.parse(job) else { throw QuarryError(.usage, "the job is not a JSON object") }
    } catch let failure as JSONParser.Failure {
      throw QuarryError(.usage, "the job is not JSON: \(failure)")
    } catch {
      throw QuarryError(.usage, "the job is not a JSON object", remedy: #"give an object, for example '{"url":"…"}'"#)
    }
    return job.utf8.map { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") ? UInt8(ascii: " ") : $0 }
  }

  /// The one place where a password leaves this process: down the executor's input.
  private static func append(_ endpoint: ProxyEndpoint, to out: inout [UInt8]) {
    JSONText.appendKey("proxy", to: &out)
    out.append(UInt8(ascii: "{"))
    JSONText.appendMember("protocol", endpoint.scheme.rawValue, to: &out)
    JSONText.appendMember("host", endpoint.host, to: &out)
    JSONText.appendMember("port", Int64(endpoint.port), to: &out)
    JSONText.appendMember("username", endpoint.credentials?.username, to: &out)
    JSONText.appendMember("password", endpoint.credentials?.password, to: &out)
    out.append(UInt8(ascii: "}"))
  }

  private static func appendStorage(_ partition: RunPartition, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "{"))
    JSONText.appendMember("dataset", partition.dataset, to: &out)
    JSONText.appendMember("source", partition.source, to: &out)
    JSONText.appendMember("category", partition.category, to: &out)
    JSONText.appendMember("day", partition.day, to: &out)
    JSONText.appendMember("run_id", partition.runID, to: &out)
    out.append(UInt8(ascii: "}"))
  }
}
