"""What a document answers to and what permits it: the orders that it fulfills and the patient's consents.

Each becomes a resource and an extension of the Composition, which are those of the guide C-CDA on FHIR.
"""

from __future__ import annotations

from typing import Any

from chartbridge.ccda.context import Context
from chartbridge.ccda.datatypes import absent_extension, codeable, identifiers
from chartbridge.ccda.names import CODE, ID, PRIORITY_CODE, ROOT, STATUS_CODE, V3
from chartbridge.ccda.node import Node

Json = dict[str, Any]

IN_FULFILLMENT_OF = V3 + "inFulfillmentOf"
ORDER = V3 + "order"
AUTHORIZATION = V3 + "authorization"
CONSENT = V3 + "consent"

CCDA_ON_FHIR = "http://hl7.org/fhir/us/ccda/StructureDefinition/"
PRIORITIES = {"R": "routine", "UR": "urgent", "A": "asap", "S": "stat", "EM": "stat"}

CONSENT_STATES = {
    "": "active",
    "completed": "active",
    "aborted": "inactive",
    "cancelled": "inactive",
    "obsolete": "inactive",
    "suspended": "inactive",
    "nullified": "entered-in-error",
}
"""The statusCode of a consent as consent-state-codes; C-CDA knows only ``completed``, others are proposed."""


def orders(document: Node, ctx: Context) -> list[Json]:
    """inFulfillmentOf/order as ServiceRequest; one without a code is no more than its identifier."""
    made: list[Json] = []
    for position, el in enumerate(document.children(IN_FULFILLMENT_OF), 1):
        node = Node(el).node(ORDER)
        if node is None:
            continue
        ids, code = identifiers(node.children(ID)), codeable(node.child(CODE), ctx)
        priority = node.child(PRIORITY_CODE)
        found: list[Json | None] = [{"type": "ServiceRequest", "identifier": one} for one in ids]
        if code is not None:
            fields = {
                "identifier": ids,
                "status": "unknown",
                "intent": "order",
                "priority": None if priority is None else PRIORITIES.get(priority.get("code") or ""),
                "code": code,
                "subject": ctx.patient,
            }
            path = f"{ROOT}/inFulfillmentOf[{position}]/order"
            found = [ctx.ref(ctx.add("ServiceRequest", fields, None, path))]
        made += [{"url": CCDA_ON_FHIR + "OrderExtension", "valueReference": one} for one in found]
    return made


def consents(document: Node, ctx: Context) -> list[Json]:
    """authorization/consent as Consent. What it permits is not said: its scope and policy are unknown."""
    made: list[Json] = []
    for position, el in enumerate(document.children(AUTHORIZATION), 1):
        node = Node(el).node(CONSENT)
        if node is None:
            continue
        ids, code = identifiers(node.children(ID)), codeable(node.child(CODE), ctx)
        if not ids and code is None:
            continue
        stated = node.child(STATUS_CODE)
        status = "" if stated is None else stated.get("code") or "unknown"
        fields = {
            "identifier": ids,
            "status": CONSENT_STATES.get(status, "proposed"),
            "scope": {"extension": absent_extension()},
            "category": [code or {"extension": absent_extension()}],
            "patient": ctx.patient,
            "policyRule": {"extension": absent_extension()},
        }
        given = ctx.add("Consent", fields, None, f"{ROOT}/authorization[{position}]/consent")
        made.append({"url": CCDA_ON_FHIR + "AuthorizationExtension", "valueReference": ctx.ref(given)})
    return made
