"""What a command has to do with whoever typed it: options, tables, exit codes."""
