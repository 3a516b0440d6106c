"""The ccms-ws command."""
