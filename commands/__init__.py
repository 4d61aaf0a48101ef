"""Commands for people who work on a catalogue; `make` targets call them."""
