"""One folder for each exchange; nothing else lives here, and no exchange knows another."""
