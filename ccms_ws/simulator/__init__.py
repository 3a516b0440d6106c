"""A justice partner to test against: kind by default, unkind on demand; it knows of the court only the contract."""

from ccms_ws.simulator.behaviors import Behavior, RandomFaults, Script, read_script
from ccms_ws.simulator.partner import Pace
from ccms_ws.simulator.running import RunningPartner, Simulation, serve_partner

__all__ = ["Behavior", "RandomFaults", "Pace", "RunningPartner", "Script", "Simulation", "read_script", "serve_partner"]
