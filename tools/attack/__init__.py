"""Attack the `har-edge` command from outside: bad input, hostile peers and devices, kills."""
