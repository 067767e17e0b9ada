"""Hold sixteen networks as their sources describe them, and what trains them."""
