# Sources of lib/cli.
