"""Fast tests of the command line: its own AWS adapter, on an AWS in memory."""
