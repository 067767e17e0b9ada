"""Where a measurement runs: here, by ssh or adb, on a phone, on an emulated board."""
