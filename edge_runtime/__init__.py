"""Human activity recognition on the device: data, front end, classifier and benchmark, without TensorFlow."""

__version__ = "0.1.0"
