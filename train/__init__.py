"""Train Keras networks on the host, and score them."""
