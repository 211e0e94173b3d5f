"""Work that happens later, and happens even when machines fail.

In: the name of a workflow and its arguments, enqueued in the same transaction as the rows it is
about. Out: the workflow runs to its end, once in effect, on some worker. The engine is DBOS Transact
on the application's own database. What is promised:

- a job exists exactly when the transaction that enqueued it committed;
- a worker that dies has its jobs continued, by itself when it comes back under its name or else by
  another worker (:mod:`chartbridge.jobs.heartbeat`), from the step it was in;
- a step may run twice, so every step is idempotent;
- a job that keeps failing or killing its worker ends as failed, with a reason, after
  ``job_max_attempts`` runs (:mod:`chartbridge.jobs.workflow`).

Arguments and step results are ids and counts, never a patient's data.
"""
