"""ccms_ws: the SOAP/WS-* endpoint through which California trial courts exchange data with justice partners."""

__version__ = "0.1.0"
