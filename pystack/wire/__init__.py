"""Bytes to numbers and back, one file a protocol; knows nothing of the stack above it."""
