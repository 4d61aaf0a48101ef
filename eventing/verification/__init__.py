"""The proof that a deployment works: what is checked, how the checks are judged, and what is told of them."""
