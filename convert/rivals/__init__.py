"""Make the forms of a network that other tools make: the rivals of har-edge's own."""
