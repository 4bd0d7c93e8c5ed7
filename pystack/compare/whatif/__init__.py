"""A change, before it is typed: which connections and services of a live namespace it would cut.

Two copies of the namespace, one of them with the change; the next packet of every connection, and a first one
for every listening socket, go through both.
"""
