"""Converting a customer's whole archive: tens of millions of C-CDA documents, in a folder or a bucket.

In: a place with documents. Out: FHIR resources as NDJSON or Parquet in another place, and a report that
accounts for every document. The work is cut into parts once (:mod:`.plan`); a part's results are written
whole before the part counts as done (:mod:`.parts`), so a run that was stopped, however it was, is begun
again and goes on behind the last part that is done. Who converts the parts is the engine's business: the
processes of this machine (:mod:`.local`), or a Ray cluster (:mod:`.on_ray`, an optional extra).

It keeps nothing in a database and needs no server. Reports and messages name documents by their keys and
hold nothing of their content.
"""

from __future__ import annotations

from chartbridge.batch.engines import run
from chartbridge.batch.plan import BatchError, Options
from chartbridge.batch.reporting import Totals

__all__ = ["BatchError", "Options", "Totals", "run"]
