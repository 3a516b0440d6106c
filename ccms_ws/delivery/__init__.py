"""Delivery of outgoing messages: worker, retries, recovery."""
