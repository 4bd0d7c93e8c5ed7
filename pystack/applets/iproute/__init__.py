"""iproute2: `ip` and `bridge`, word for word what version 6.1.0 prints."""
