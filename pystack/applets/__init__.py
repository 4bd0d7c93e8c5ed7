"""Linux's commands, acting on the tables of a stack and printing what the real tools print."""
