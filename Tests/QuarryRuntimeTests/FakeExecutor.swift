import Foundation
import QuarryCore
import QuarryRuntime
import TestSupport

/// Executors of a few lines, each a real program that speaks frames as its test needs it.
///
/// In `body`, Python with these words: `request` (read from the first line of input when first used), `event(type,
/// payload, **changes)`, `frame(map)`, `raw(bytes)`, `ack()`.
final class FakeExecutor {
  let folder = TemporaryDirectory()
  let program: ExecutorProgram

  init(_ body: String, interpreter: String = "python3") throws {
    let path = folder.path + "/executor"
    let text = (interpreter == "python3" ? Self.prelude : "") + body + "\n"
    try text.write(toFile: folder.path + "/program", atomically: false, encoding: .utf8)
    try interpreter.write(toFile: folder.path + "/interpreter", atomically: false, encoding: .utf8)
    try FileManager.default.createSymbolicLink(
      atPath: path, withDestinationPath: BuiltProducts.root + "/Tests/Fixtures/bin/fake-executor")
    program = ExecutorProgram(path: path, environment: ProcessTree.environment, shepherd: ProcessTree.shepherd)
  }

  /// True when no process of this executor is left. Each holds the folder's name in its command line.
  var isGone: Bool { ProcessTree.count(folder.path) == 0 }

  private static let prelude = #"""
    import json, os, signal, struct, subprocess, sys, time

    def pack(v):
        if v is None: return b'\xc0'
        if v is True: return b'\xc3'
        if v is False: return b'\xc2'
        if isinstance(v, int): return bytes([v]) if 0 <= v < 128 else b'\xd3' + struct.pack('>q', v)
        if isinstance(v, float): return b'\xcb' + struct.pack('>d', v)
        if isinstance(v, bytes): return b'\xc6' + struct.pack('>I', len(v)) + v
        if isinstance(v, str):
            b = v.encode()
            return b'\xdb' + struct.pack('>I', len(b)) + b
        if isinstance(v, dict):
            return b'\xdf' + struct.pack('>I', len(v)) + b''.join(pack(k) + pack(x) for k, x in v.items())
        return b'\xdd' + struct.pack('>I', len(v)) + b''.join(pack(x) for x in v)

    def raw(data):
        while data: data = data[os.write(1, data):]

    def frame(value):
        data = pack(value)
        raw(struct.pack('>I', len(data)) + data)

    class Request(dict):
        def __missing__(self, key):
            self.update(json.loads(sys.stdin.buffer.readline()))
            return self.get(key)

    request = Request()
    seq = 0

    def event(type, payload={}, **changes):
        global seq
        seq += 1
        envelope = dict(contract_version='VERSION', event_id='e%d' % seq, run_id=request['run_id'], seq=seq, type=type,
                        ts='2026-01-01T00:00:00.000Z', payload=payload, attempt=request['attempt'])
        envelope.update(changes)
        frame(envelope)

    def item(**data): event('item', dict(item_type='thing', data=data))

    def ack():
        request['run_id']
        length = struct.unpack('>I', sys.stdin.buffer.read(4))[0]
        return sys.stdin.buffer.read(length)

    """#
    .replacingOccurrences(of: "VERSION", with: Version.current)
}
