"""The flavours of the confusion table: containers of which it is known what is wrong with them."""
