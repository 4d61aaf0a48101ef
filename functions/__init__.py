"""One folder per Lambda function: trigger in, one rule called, AWS calls out."""
