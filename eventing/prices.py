"""AWS's list prices in us-east-1, in dollars, as far as anything here is counted in them."""

from __future__ import annotations

from collections.abc import Mapping

PRICES: Mapping[str, float] = {
    "api_request": 3.5e-6,  # of a REST API
    "lambda_request": 0.2e-6,
    "gb_second": 1.33334e-5,  # of Lambda on arm64
    "write": 0.625e-6,  # a DynamoDB write unit, in each region
    "read": 0.125e-6,  # a DynamoDB read unit
    "s3": 5e-6,  # a PUT, or a LIST
    "s3_get": 0.4e-6,  # a GET
    "stream_step": 0.029 * 5 / 1024**2,  # of 5 KB of a record that is put into Firehose
    "stream_byte": 0.020 / 1024**3,  # that Firehose partitions
    "stream_object": 5e-6,  # that Firehose writes by partitions, beside its PUT
    "sns": 0.5e-6,  # a publish request, of each 64 KiB
    "sqs": 0.4e-6,  # a request
    "log_byte": 0.5e-9,  # taken in by CloudWatch Logs
    "transition": 25e-6,  # of a Standard state machine
}


def units(amount: int, unit: int) -> int:
    """How many units an amount needs: what AWS charges for, it charges whole."""
    return -(-amount // unit)
