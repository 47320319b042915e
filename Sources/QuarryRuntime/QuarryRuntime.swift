// Supervises one run: the executor's process, its frames, the ingestion policy, the outcome.
