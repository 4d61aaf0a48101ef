"""AWS that fails on demand: in memory, or the emulator behind a proxy, with one vocabulary of faults."""
