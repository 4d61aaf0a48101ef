"""Documents that are made from a catalogue and from the numbers that the code goes by."""
