"""One folder per Lambda function: trigger in, one rule called, AWS calls out."""

import gc
import os

if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # What an initialisation makes stays. Looking for garbage in it, at the default of every 700 objects
    # or so, takes a tenth of a cold start; later an invocation is over before there are so many.
    gc.set_threshold(100_000)
