"""The packet filter and listening sockets."""
