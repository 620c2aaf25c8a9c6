# Files of tests/store.
