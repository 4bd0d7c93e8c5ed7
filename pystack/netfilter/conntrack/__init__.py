"""Connection tracking: which flow a packet belongs to, and whether it fits there."""
