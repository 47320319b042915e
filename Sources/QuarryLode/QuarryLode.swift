// Append-only partitions: layout, manifests, commits, and the queries behind the reading commands.
