import QuarryCore

/// What of an event stands in its record, as JSON text: members, each with a comma before it.
///
/// `run_id` and the other partition keys, `event_type` and `policy` are not among them: they are the same in every record.
extension JSONWriter {
  private static let versionMember = Array(#","contract_version":"\#(Version.current)""#.utf8)

  /// All members of an event that is stored as it is.
  @inline(__always)
  package mutating func members(of event: borrowing EventEnvelope) throws(WireError) {
    try identity(of: event)
    if case .item = event.type {
      try raw(#","type":"item","payload":"#)
    } else {
      try raw(#","type":"#)
      try string(event.typeText.bytes)
      try raw(#","payload":"#)
    }
    try value(event.payload)
    try lineage(of: event)
  }

  @inline(__always)
  package mutating func identity(of event: borrowing EventEnvelope) throws(WireError) {
    try raw(Self.versionMember)
    try raw(#","event_id":"#)
    try string(event.eventID.bytes)
    try raw(#","seq":"#)
    try integer(event.seq)
    try raw(#","ts":"#)
    try string(event.ts.bytes)
  }

  @inline(__always)
  package mutating func lineage(of event: borrowing EventEnvelope) throws(WireError) {
    if let jobID = event.jobID {
      try raw(#","job_id":"#)
      try string(jobID.bytes)
    }
    if let parentRunID = event.parentRunID {
      try raw(#","parent_run_id":"#)
      try string(parentRunID.bytes)
    }
    if let depth = event.depth {
      try raw(#","depth":"#)
      try integer(depth)
    }
    try raw(#","attempt":"#)
    try integer(event.attempt)
  }
}
