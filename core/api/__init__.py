"""What every endpoint of the REST API shares: keys, errors, pages, idempotency, rate limits and field types."""
