"""The use cases: list, check, plan, write. The only package that the command line and the TUI call."""
