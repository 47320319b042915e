// MessagePack and frames: what crosses the pipe between executor and runtime.
