"""Hook points and what hangs on them, for all families."""
