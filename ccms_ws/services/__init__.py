"""Spyne, and only here: the services that the court publishes."""
