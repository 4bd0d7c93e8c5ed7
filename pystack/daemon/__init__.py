"""The long-running process: configuration, control protocol, keeper, reload."""
