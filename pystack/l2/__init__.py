"""Devices and what happens on a link: receive, send, bridge, neighbours."""
