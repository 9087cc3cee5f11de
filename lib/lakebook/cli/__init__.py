"""The command line. Each command is a thin wrapper: work stands in the packages below."""
