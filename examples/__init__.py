"""A sample day of two invented banks, played against a running installation."""
