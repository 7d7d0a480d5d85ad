"""Checklists: where they are stored, how they are read, and what can be wrong with one."""
