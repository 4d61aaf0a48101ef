"""What the speed targets are measured with. `README.md` says how to read it."""
