"""Where shards are annotated: in this process, in several, or on a cluster."""
