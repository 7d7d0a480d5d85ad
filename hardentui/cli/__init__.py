"""The command line: one module per command. The composition root: only here and in __main__ do all
parts meet.
"""
