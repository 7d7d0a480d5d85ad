"""What HardenTUI talks about: frozen values, no machine, no clock."""
