"""From facts to findings, and from findings to plans. Pure."""
