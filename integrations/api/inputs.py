"""What neighbours' clients may send: fields nobody knows are passed over."""

from collections.abc import Mapping
from typing import Any

from core.api.serializers import InputSerializer, Parameters


class LenientInput(InputSerializer):
    """A body of which only the fields named here are read."""

    def _named(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        return super()._named({name: value for name, value in data.items() if name in self.fields})


class LenientParameters(Parameters):
    """A query string of which only the parameters named here are read."""

    def _named(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        return super()._named({name: value for name, value in data.items() if name in self.fields})
