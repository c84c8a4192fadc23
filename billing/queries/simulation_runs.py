"""Reads of simulations of everybody."""

import uuid

from billing.models import SimulationRun
from core.errors import NotFound


def get_simulation(simulation_id: uuid.UUID) -> SimulationRun:
    """Return a simulation by its id. Raises NotFound; one kept long enough is gone."""
    found = SimulationRun.objects.filter(id=simulation_id).first()
    if found is None:
        raise NotFound(f"No simulation has the id {simulation_id}.")
    return found
