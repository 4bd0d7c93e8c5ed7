"""The matches, watchers and targets of ebtables: one file a family of them."""
