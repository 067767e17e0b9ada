"""Make the forms of a network that other tools make of it: the rivals of har-edge's own."""
