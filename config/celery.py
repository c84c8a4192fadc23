"""The Celery application: hints from process to process.

Rows carry the work, so any message may be lost, late or doubled.
"""

import logging.config
import os
from typing import Any

import structlog
from celery import Celery, signals
from django.conf import settings

from config import services
from core.clock import wall_now
from core.services import lease
from invoicing.documents.renderer import WeasyPrintRenderer

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Application(Celery):
    """Celery that starts the embedded broker before the first connection, when there is one."""

    def connection_for_write(self, *arguments: Any, **options: Any) -> Any:
        """Return a connection for a sender."""
        self._ensure_broker()
        return super().connection_for_write(*arguments, **options)

    def connection_for_read(self, *arguments: Any, **options: Any) -> Any:
        """Return a connection for a worker."""
        self._ensure_broker()
        return super().connection_for_read(*arguments, **options)

    def _ensure_broker(self) -> None:
        if services.redis_is_embedded() and self.conf.broker_url == services.broker_url():
            lease.ensure("valkey")


app = Application("reckoner")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def use_our_logging(**details: Any) -> None:
    """Keep Celery from setting up logs its own way."""
    logging.config.dictConfig(settings.LOGGING)


@signals.before_task_publish.connect
def note_when_sent(headers: dict[str, Any], **details: Any) -> None:
    """Write on each message when it was sent: a queue's age is that of its oldest."""
    headers["sent_at"] = wall_now().isoformat()


@signals.task_prerun.connect
def name_task_in_logs(task_id: str, task: Any, **details: Any) -> None:
    """Put the task's name and number into every log line written for it."""
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id)


@signals.task_postrun.connect
def forget_task_in_logs(**details: Any) -> None:
    """Take the task out of the log lines that follow."""
    structlog.contextvars.unbind_contextvars("task", "task_id")


@signals.worker_process_shutdown.connect
def let_go_of_the_renderer(**details: Any) -> None:
    """Delete the fonts a worker process unpacked: it leaves without running exit handlers."""
    WeasyPrintRenderer.close()
