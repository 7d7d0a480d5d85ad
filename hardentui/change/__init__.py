"""Changes of the host that either come to their end or leave everything as it was.

`journal` keeps what is done and how it is taken back, `transaction` does it, `operators` know each kind of
operation. Whoever changes files of the host only (a policy) calls `file_changes.change_files`.
"""
