# Unit tests of lib/store.
