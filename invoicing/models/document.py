"""Rendered documents: once made, kept with their hash."""

from django.db import models

from core.fields import id_field


class StoredDocument(models.Model):
    """The one rendering of a finalised document in one format."""

    id = id_field()
    object_kind = models.CharField(max_length=20)
    object_id = models.UUIDField()
    format = models.CharField(max_length=20, default="pdf")
    content_type = models.CharField(max_length=80)
    storage_name = models.CharField(max_length=300)
    sha256 = models.CharField(max_length=64)
    size_bytes = models.PositiveBigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["object_id", "object_kind", "format"], name="one_rendering_per_format")
        ]

    def __str__(self) -> str:
        return self.storage_name
