"""Where a measurement runs: here, by ssh, on a phone, on an emulated board."""
