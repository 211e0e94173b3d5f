"""What an operator sees of a process: metrics, traces, whether it is well.

In: what the other rooms count and time (:mod:`~chartbridge.observability.metrics`), the spans they open
(:mod:`~chartbridge.observability.tracing`), and what is read from the database when somebody looks
(:mod:`~chartbridge.observability.readings`). Out: the text that Prometheus reads, spans sent to a collector
over OTLP, and an answer to an orchestrator's probes.

Nothing here names a patient, an account or an address: labels and attributes are names that stand in the
code or in the settings, numbers, and, in traces alone, the ids of requests, jobs and messages.
"""
