# Unit tests of lib/template.
