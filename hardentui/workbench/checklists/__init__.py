"""Checklists: where they are kept and what can be wrong with one."""
