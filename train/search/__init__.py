"""Search a family of networks for the best that fits: trials, their sizes, and the front of the best."""
