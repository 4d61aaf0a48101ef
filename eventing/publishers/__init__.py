"""Publishers as data: their names and keys, what the registry has of them, and what is done to them."""
