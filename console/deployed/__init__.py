"""A deployment as operators reach it: with their own AWS credentials, and no more rights than they need."""
