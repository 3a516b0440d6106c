"""Finds the packages; setup.cfg cannot, since two of them are the contract's folders (`package_dir` there)."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["ccms_ws", "ccms_ws.*"]), "ccms_ws.contract.xsd", "ccms_ws.contract.wsdl"])
