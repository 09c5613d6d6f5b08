"""A campaign of malformed input against the running services: `make fuzz`, and a short one among the tests."""
