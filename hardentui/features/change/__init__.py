"""Changes of the host that either complete or leave everything as it was.

`journal` records what is done and how to undo it, `transaction` does it, `operators` know each kind
of operation. To change only files of the host (a policy), call `file_changes.change_files`.
"""
