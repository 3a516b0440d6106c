"""Which packages there are: those found, and the contract, which a wheel carries beside the module that reads it."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["ccms_ws", "ccms_ws.*"]), "ccms_ws.contract.xsd", "ccms_ws.contract.wsdl"],
    package_dir={"ccms_ws.contract.xsd": "xsd", "ccms_ws.contract.wsdl": "wsdl"},
)
