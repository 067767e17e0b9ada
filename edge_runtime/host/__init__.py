"""Share between training and conversion what no device needs."""
