"""The contract with the partners, read only: namespaces, schemas, WSDLs. No module here changes a message."""
