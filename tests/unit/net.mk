# Unit tests of lib/net.
