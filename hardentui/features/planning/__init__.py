"""From findings to plans, and from plans to files."""
