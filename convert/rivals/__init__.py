"""Convert a network with other tools, to make the rivals of har-edge's forms."""
