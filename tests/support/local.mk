# Files of tests/support.
