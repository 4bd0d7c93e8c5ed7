"""Who is asked what becomes of a packet that the kernel has queued."""
