# Sources of lib/store.
