"""`conntrack`: the connections that are tracked, in the words of conntrack-tools 1.4.7."""
