"""From the name of a container to hardened and running, with two decisions: start the trial, and
keep it.

A hardening plans what this host allows, proposes a probe by how the service answers now, and tries
everything at once on a twin that it also learns from. The result is a card of one screen, which is
applied with a way back, written to files, or left.
"""
