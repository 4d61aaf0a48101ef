"""The browser of the end-to-end tests."""
