"""Codecs: parsing and formatting of option arguments, by kind of value. The rows of the table use them."""
