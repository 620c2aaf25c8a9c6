# Unit tests of lib/export.
