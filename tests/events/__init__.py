"""A corpus of CloudEvents as data files, written from the specification; `corpus.py` reads them."""
