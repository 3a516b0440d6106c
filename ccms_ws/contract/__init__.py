"""What was agreed with the partners, read only: namespaces, schemas, WSDLs. Nothing here changes a message."""
