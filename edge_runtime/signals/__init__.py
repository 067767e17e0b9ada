"""Turn raw samples into the nine signals and the input of the network."""
