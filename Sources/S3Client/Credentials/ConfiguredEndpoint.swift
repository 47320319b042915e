/// An endpoint that stands in AWS's variables or files, and where.
struct ConfiguredEndpoint: Sendable, Equatable {
  let text: String
  /// For messages: `AWS_ENDPOINT_URL`, `profile 'x' of /home/u/.aws/config`.
  let source: String
}

extension Profiles {
  /// The nearest, in the order of AWS's tools: the service's own variable, the one for all services, the `services` that
  /// the chosen profile names, the profile itself.
  /// - Parameter service: `s3` or `sts`.
  /// - Returns: nil leaves AWS's own.
  /// - Throws: `S3Error(.configuration)` for a profile that names services which are not there.
  func endpoint(of service: String) throws(S3Error) -> ConfiguredEndpoint? {
    let profile = self[chosen] ?? [:]
    let isIgnored =
      environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] ?? profile["ignore_configured_endpoint_urls"] ?? ""
    guard isIgnored.lowercased() != "true" else { return nil }
    for name in ["AWS_ENDPOINT_URL_\(service.uppercased())", "AWS_ENDPOINT_URL"] {
      if let text = environment[name] { return ConfiguredEndpoint(text: text, source: name) }
    }
    if let name = profile["services"], let text = try settings(of: service, in: name)["endpoint_url"], !text.isEmpty {
      return ConfiguredEndpoint(text: text, source: "services '\(name)' of \(environment.configPath ?? "")")
    }
    guard let text = profile["endpoint_url"], !text.isEmpty else { return nil }
    return ConfiguredEndpoint(text: text, source: "profile '\(chosen)' of \(place(of: "endpoint_url", in: chosen))")
  }

  private func settings(of service: String, in name: String) throws(S3Error) -> ProfileFile.Section {
    guard let services = services[name] else {
      throw S3Error(
        .configuration, "use profile '\(chosen)'",
        "it names services '\(name)', and \(environment.configPath ?? "the configuration") has no [services \(name)]",
        advice: "add that section, or correct its name in the profile")
    }
    return services[service] ?? [:]
  }
}
