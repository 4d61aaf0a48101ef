"""Target 1: the SDK and the two clients that ingestion needs, and nothing else."""

import boto3

dynamodb = boto3.client("dynamodb")
s3 = boto3.client("s3")
