"""Hold the code that training and conversion share and no device needs."""
