"""What several functions need: AWS clients and what they are used for, metrics, logging."""
