"""Network address translation: which mapping a connection gets, and what that does to its packets."""
