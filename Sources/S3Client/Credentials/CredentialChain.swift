import HTTPClient

/// Where credentials are looked for, in the order of AWS's tools.
package enum CredentialChain {
  /// The environment, a web identity, the profile of the shared files, the container, the instance's metadata. The
  /// first in which anything is set up counts, and an error in it is an error: what follows is not what was meant.
  /// - Parameter region: for AWS STS.
  package static func standard(
    _ environment: S3Environment, region: String, http: HTTPClient, clock: S3Clock = .system
  ) -> CredentialSource {
    let request = CredentialRequest(http: http, clock: clock)
    let variables = CredentialSource.environment(environment)
    let container = ContainerSource(environment: environment, request: request).source
    let instance = InstanceMetadataSource(environment: environment, request: request).source
    let profile = ProfileSource(
      environment: environment, request: request, region: region,
      named: ["Environment": variables, "EcsContainer": container, "Ec2InstanceMetadata": instance])
    return .first(of: [
      variables, webIdentity(environment, request, region: region), profile.source, container, instance,
    ])
  }

  /// `AWS_WEB_IDENTITY_TOKEN_FILE` with `AWS_ROLE_ARN`, as Kubernetes' service accounts on EKS have them.
  private static func webIdentity(
    _ environment: S3Environment, _ request: CredentialRequest, region: String
  ) -> CredentialSource {
    CredentialSource("the web identity") { () throws(S3Error) in
      guard let file = environment["AWS_WEB_IDENTITY_TOKEN_FILE"] else { return nil }
      guard let arn = environment["AWS_ROLE_ARN"] else {
        throw .credentials("AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not", remedy: "set both or neither")
      }
      let role = SecurityTokenService.Role(arn: arn, session: environment["AWS_ROLE_SESSION_NAME"])
      return try SecurityTokenService(environment: environment, request: request, region: region)
        .exchange(tokenFile: file, for: role, source: "the web identity of role \(arn)")
    }
  }
}
