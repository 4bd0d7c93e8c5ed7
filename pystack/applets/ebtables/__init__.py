"""ebtables: the rules of a bridge."""
