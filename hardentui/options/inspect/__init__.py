"""Readers: one function per row of the option table, grouped by area as the table is.

A reader looks at the View of one container and answers with a Setting (value and source), with None (the
option is absent, and that is known) or with UNKNOWABLE (no source of this container can show it).
"""
