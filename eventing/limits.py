"""What one request may hold at most, whoever sends it; a usage plan may allow less."""

MAX_BATCH = 100
# A synchronous Lambda request takes 6 MB, which a Base64 body reaches at 4.5 MB.
MAX_BODY_BYTES = 4 * 1024 * 1024
