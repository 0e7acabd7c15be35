"""Jobs as answers show them."""

from typing import Any

from latelight.app.adding import JobSummary
from latelight.server.service import Service


def job_of(service: Service, one: JobSummary) -> dict[str, Any]:
    """Return the JSON form of a job, as it is at this moment."""
    record, here = one.record, service.runner.running(one.record.job_id)
    state: str = one.state
    if here is not None:
        state = "running"
    elif service.runner.is_waiting(record.job_id):
        state = "waiting"
    progress = record.progress if here is None else here.progress
    return {
        "job_id": record.job_id,
        "namespace": record.namespace,
        "collection": record.collection,
        "state": state,
        "said": record.said,
        "progress": progress.to_dict(),
        "error": record.error,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "n_failures": service.library.count_failures(record.job_id),
    }
