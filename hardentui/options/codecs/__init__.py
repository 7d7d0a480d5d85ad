"""Codecs: what an argument of an option says, by shape of value. The rows of the table name them."""
