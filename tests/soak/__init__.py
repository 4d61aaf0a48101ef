"""A steady load while faults come and go at random; at the end every accepted event is accounted for."""
