"""Find where an int8 model loses precision."""
