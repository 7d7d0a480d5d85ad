"""Readers: one function per row of the option table, grouped by area as the table is.

A reader takes the View of one container and returns a Setting (value and source), None (the option is known
to be absent) or UNKNOWABLE (no source of this container can show it).
"""
