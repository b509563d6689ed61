"""For whoever runs the page: `/healthz` says that it answers, `/metrics` counts what it does (Prometheus)."""

from __future__ import annotations

import logging

import gradio as gr
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from talker.journal import LOG
from talker.version import __version__
from talker.weights import registry, store

RUNS = Counter("talker_runs", "What was asked for, and how that ended", ["run", "outcome"])
STAGES = Histogram("talker_stage_seconds", "How long the stages of a film take", ["stage"])
WAITING = Gauge("talker_waiting_requests", "Requests in the queue of the page")


class _Counting(logging.Handler):
    """Turns log records of runs and stages into metrics."""

    def emit(self, record: logging.LogRecord) -> None:
        """Count one record."""
        fields = vars(record)
        if "outcome" in fields:
            RUNS.labels(fields["run"], fields["outcome"]).inc()
        if "stage" in fields:
            STAGES.labels(fields["stage"]).observe(fields["seconds"])


def observe(page: gr.Blocks) -> list[Route]:
    """Count what the page does from now on; gives the two routes."""
    queue = page._queue
    WAITING.set_function(lambda: sum(len(one.queue) for one in queue.event_queue_per_concurrency_id.values()))
    LOG.addHandler(_Counting())
    return [Route("/healthz", healthz), Route("/metrics", metrics)]


def healthz(request: Request) -> Response:
    """200 while the page answers; `ready` says whether the weights that films need are there."""
    ready = all(store.is_there(name) for name in registry.DEFAULT_ASSETS)
    return JSONResponse({"status": "ok", "ready": ready, "version": __version__})


def metrics(request: Request) -> Response:
    """What Prometheus reads."""
    return Response(generate_latest(), headers={"content-type": CONTENT_TYPE_LATEST})
