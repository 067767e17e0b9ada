"""Raw samples become the nine signals and the input of the network."""
