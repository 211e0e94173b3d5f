"""Is this the same person, and are these values what a demographic form may hold.

    values          rules for single values: what is accepted, what is stored, what the error says
    normalize       the forms in which values are compared, never stored
    contract_match  the rule by which creating, matching and bulk loading find a patient who is already there
    linkage         the stronger rule by which what networks answer is linked: link, review or refuse
    people          a person ready for that: absent (place holders), given_names, common_names, agreement
    fhir_patient    a FHIR Patient in the shape that is compared

In and out: plain values and dicts in the API's shape. Never: looks anything up, reads a clock.
"""
