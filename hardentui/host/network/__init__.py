"""The packet filter and the sockets that listen."""
