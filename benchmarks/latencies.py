"""What the services are assumed to take."""

# Seconds by operation, `*` for all others: no measurement of AWS, but of its order of magnitude.
SERVICES = {
    "PutItem": 0.005,
    "GetItem": 0.005,
    "ExecuteStatement": 0.005,
    "BatchExecuteStatement": 0.010,
    "PutObject": 0.030,
    "PutRecordBatch": 0.010,
    "*": 0.010,
}
