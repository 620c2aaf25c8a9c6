# Sources of lib/export.
