# Sources of lib/template.
