// The command line: flags, configuration, assembly, rendering, exit codes.
