"""Patients: who the records are about.

    schemas      what is sent and answered, with every rule for a value; parts: what demographics are made of
    service      create (or find), read, replace, delete, opt out, facilities
    links        what other systems call a patient
    batches      creating many in one transaction
    holding      locking many patients at once
    purging      what was written about one who was deleted meanwhile
    search       the filter language of the list
    fhir         the patient as a FHIR R4 Patient
    workflows    removing a deleted patient's objects

In: demographics. Out: patients, one for each person of a tenant: creating somebody who is already there
answers with the stored patient and changes nothing. Never asks a network anything; other features do, after
``ensure_queryable``.
"""
