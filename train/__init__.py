"""Training on the host: the Keras networks, augmentation, the training loop, evaluation and plots."""
