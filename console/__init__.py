"""The command line of those who run a deployment, and of those who work on a catalogue."""
