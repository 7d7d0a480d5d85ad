"""The data model: frozen records without I/O or clock."""
