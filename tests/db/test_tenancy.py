"""A session of one tenant never sees or changes another's rows, however the statement is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, exists, func, insert, literal, select, text, union_all, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased, joinedload, selectinload

from chartbridge.db import Tenant, TenantSession
from chartbridge.db.tenancy import MissingTenantError, ReadOnlySessionError, WrongTenantError, tenant_values
from chartbridge.db.upsert import insert_all_new, insert_new, upsert
from chartbridge.features.facilities.models import Facility
from chartbridge.features.patients.models import Patient, PatientFacility
from chartbridge.features.records.models import Record
from chartbridge.ids import new_id
from chartbridge.platform import Platform

OURS = Tenant(new_id(), "sandbox")
SAME_ACCOUNT = Tenant(OURS.account_id, "production")
OTHER_ACCOUNT = Tenant(new_id(), "sandbox")
OTHERS = (SAME_ACCOUNT, OTHER_ACCOUNT)
TENANTS = (OURS, *OTHERS)

Read = Callable[[TenantSession], Any]


def patient(patient_id: str, **changes: Any) -> Patient:
    values = {"first_name": "Ana", "last_name": "Ruiz", "dob": "1980-04-02", "gender_at_birth": "F"}
    return Patient(
        **{"id": patient_id, **values, "address": [], "search_text": "", "search_ids": "", **changes}
    )


def patient_id_of(tenant: Tenant) -> str:
    return f"patient-{TENANTS.index(tenant)}"


def facility_id_of(tenant: Tenant) -> str:
    return f"facility-{TENANTS.index(tenant)}"


@pytest.fixture(autouse=True)
def _a_patient_in_a_facility_of_each(platform: Platform) -> None:
    for tenant in TENANTS:
        with platform.db.write(tenant) as session:
            session.add(
                Facility(id=facility_id_of(tenant), oid="2.25.1", name="Clinic", npi="1234567893", address={})
            )
            session.flush()
            row = patient(patient_id_of(tenant))
            row.facilities = [PatientFacility(facility_id=facility_id_of(tenant))]
            session.add(row)


def owners(platform: Platform) -> dict[str, str]:
    """The first name in each patient's row, by patient id, past all tenancy."""
    with platform.db.engine.connect() as connection:
        rows = connection.execute(text("SELECT id, first_name FROM patients")).all()
    return {str(row[0]): str(row[1]) for row in rows}


P = Patient
SEES_ONE: dict[str, Read] = {
    "entities": lambda s: len(s.scalars(select(P)).all()),
    "columns": lambda s: len(s.execute(select(P.id, P.first_name)).all()),
    "an alias": lambda s: len(s.scalars(select(aliased(P))).all()),
    "a column of an alias": lambda s: len(s.scalars(select(aliased(P).id)).all()),
    "an alias of a subquery": lambda s: len(s.scalars(select(aliased(P, select(P).subquery()))).all()),
    "count": lambda s: s.scalar(select(func.count()).select_from(P)),
    "count of a subquery": lambda s: s.scalar(
        select(func.count()).select_from(select(P.id).where(P.last_name == "Ruiz").subquery())
    ),
    "an aggregate": lambda s: s.scalar(select(func.count(P.id))),
    "a scalar subquery": lambda s: s.scalar(select(select(func.count(P.id)).scalar_subquery())),
    "a common table expression": lambda s: len(s.execute(select(select(P.id).cte("c").c.id)).all()),
    "a union": lambda s: len(s.execute(union_all(select(P.id), select(P.id))).all()) // 2,
    "an inner join": lambda s: len(s.execute(select(P.id, PatientFacility).join(P.facilities)).all()),
    "a join to an alias": lambda s: len(
        s.execute(select(Facility.id).join(aliased(P), literal(value=True))).all()
    ),
    "a cartesian product": lambda s: len(
        s.execute(select(P.id, Facility.id).where(P.last_name != Facility.name)).all()
    ),
    "an outer join": lambda s: len(
        s.execute(select(Facility.id).outerjoin(PatientFacility, literal(value=True))).all()
    ),
    "IN a subquery": lambda s: len(
        s.scalars(select(Facility).where(Facility.id.in_(select(PatientFacility.facility_id)))).all()
    ),
    "only a literal": lambda s: len(s.execute(select(literal(1)).where(P.last_name == "Ruiz")).all()),
    "the query API": lambda s: s.query(P).count(),
    "a relationship, lazily": lambda s: len(s.scalars(select(P)).one().facilities),
    "a relationship, joined": lambda s: len(
        s.scalars(select(P).options(joinedload(P.facilities))).unique().one().facilities
    ),
    "a relationship, by IN": lambda s: len(
        s.scalars(select(P).options(selectinload(P.facilities))).one().facilities
    ),
}
ASKS_FOR_ANOTHER: dict[str, Read] = {
    "get": lambda s: s.get(P, patient_id_of(OTHER_ACCOUNT)),
    "get for update": lambda s: s.get(P, patient_id_of(OTHER_ACCOUNT)),
    "where": lambda s: s.scalars(select(P).where(P.id == patient_id_of(OTHER_ACCOUNT))).one_or_none(),
    "where or": lambda s: s.scalars(
        select(P).where((P.id == patient_id_of(OTHER_ACCOUNT)) | (P.id == patient_id_of(SAME_ACCOUNT)))
    ).first(),
    "exists": lambda s: s.scalar(select(exists().where(P.id == patient_id_of(OTHER_ACCOUNT)))),
    "exists of a select": lambda s: s.scalar(
        select(select(P.id).where(P.id == patient_id_of(OTHER_ACCOUNT)).exists())
    ),
    "max": lambda s: s.scalar(select(func.max(P.id)).where(P.id != patient_id_of(OURS))),
}


@pytest.mark.filterwarnings("ignore:SELECT statement has a cartesian product")
def test_a_tenant_sees_its_own_row_alone(platform: Platform) -> None:
    for name, read in SEES_ONE.items():
        for tenant in TENANTS:
            with platform.db.read(tenant) as session:
                assert read(session) == 1, name


def test_another_tenants_row_is_not_found(platform: Platform) -> None:
    for name, read in ASKS_FOR_ANOTHER.items():
        with platform.db.read(OURS) as session:
            assert not read(session), name
        with platform.db.read(OTHER_ACCOUNT) as session:
            assert read(session), f"{name}: the same statement does find it for its owner"


def test_without_a_tenant_nothing_is_read(platform: Platform) -> None:
    for name, read in (SEES_ONE | ASKS_FOR_ANOTHER).items():
        with platform.db.read(None) as session:
            try:
                found = read(session)
            except MissingTenantError:
                continue
        pytest.fail(f"{name}: {found}")


def test_a_link_to_another_tenants_row_is_not_followed(platform: Platform) -> None:
    """Such a link is wrong in itself; it must not show what it points to all the same."""
    with platform.db.engine.begin() as connection:
        connection.execute(
            text("UPDATE patient_facilities SET patient_id = :ours WHERE patient_id = :other"),
            {"ours": patient_id_of(OURS), "other": patient_id_of(OTHER_ACCOUNT)},
        )
    with platform.db.read(OURS) as session:
        row = session.get_one(P, patient_id_of(OURS))
        assert [link.facility_id for link in row.facilities] == [facility_id_of(OURS)]


@pytest.mark.parametrize("other", OTHERS, ids=["environment", "account"])
def test_an_update_or_deletion_passes_others_by(platform: Platform, other: Tenant) -> None:
    with platform.db.write(OURS) as session:
        session.execute(update(P).values(first_name="Changed"))
        session.execute(update(P).where(P.id == patient_id_of(other)).values(first_name="Broken"))
        session.execute(delete(P).where(P.id == patient_id_of(other)))
    assert owners(platform) == {
        patient_id_of(tenant): "Changed" if tenant == OURS else "Ana" for tenant in TENANTS
    }
    with platform.db.write(OURS) as session:
        session.execute(delete(P))
    assert set(owners(platform)) == {patient_id_of(tenant) for tenant in OTHERS}


def test_an_update_by_a_list_of_keys_is_refused(platform: Platform) -> None:
    """SQLAlchemy gives such statements no criteria, so they would reach any row."""
    rows = [{"id": patient_id_of(OTHER_ACCOUNT), "first_name": "Broken", "version": 1}]
    with pytest.raises(WrongTenantError), platform.db.write(OURS) as session:
        session.execute(update(P), rows)
    assert set(owners(platform).values()) == {"Ana"}


def give_away(row: Patient, tenant: Tenant) -> None:
    row.account_id, row.environment = tenant.account_id, tenant.environment


def test_a_new_row_is_given_the_sessions_tenant(platform: Platform) -> None:
    with platform.db.write(OURS) as session:
        row = patient("new")
        session.add(row)
    assert (row.account_id, row.environment) == (OURS.account_id, OURS.environment)


@pytest.mark.parametrize("other", OTHERS, ids=["environment", "account"])
def test_writing_a_row_of_another_tenant_is_refused(platform: Platform, other: Tenant) -> None:
    with pytest.raises(WrongTenantError), platform.db.write(OURS) as session:
        session.add(patient("new", **tenant_values(other)))
    with platform.db.read(other) as session:
        theirs = session.get_one(P, patient_id_of(other))
    theirs.first_name = "Broken"
    with pytest.raises(WrongTenantError), platform.db.write(OURS) as session:
        session.add(theirs)
    with platform.db.read(other) as session:
        theirs = session.get_one(P, patient_id_of(other))
    with pytest.raises(WrongTenantError), platform.db.write(OURS) as session:
        session.delete(theirs)
    with pytest.raises(WrongTenantError), platform.db.write(OURS) as session:
        give_away(session.get_one(P, patient_id_of(OURS)), other)
    assert owners(platform) == {patient_id_of(tenant): "Ana" for tenant in TENANTS}


def test_without_a_tenant_nothing_is_written(platform: Platform) -> None:
    with pytest.raises(MissingTenantError), platform.db.write(None) as session:
        session.add(patient("new"))
    for statement in (update(P).values(first_name="Broken"), delete(P), insert(P)):
        with pytest.raises(MissingTenantError), platform.db.write(None) as session:
            session.execute(statement)
    assert owners(platform) == {patient_id_of(tenant): "Ana" for tenant in TENANTS}


def test_an_insert_statement_must_name_the_sessions_tenant(platform: Platform) -> None:
    row = {"id": "new", "query_id": "q", "patient_id": "p"}
    for parameters in (row, row | tenant_values(OTHER_ACCOUNT), [row | tenant_values(OURS), row]):
        with pytest.raises(WrongTenantError), platform.db.write(OURS) as session:
            session.execute(insert(P), parameters)
    with pytest.raises(WrongTenantError), platform.db.write(OURS) as session:
        session.execute(insert(P).from_select(["id"], select(P.id)))


def record(tenant: Tenant, **changes: Any) -> dict[str, Any]:
    values = {"patient_id": patient_id_of(tenant), "version": 1, "snapshot_id": "s1", "inputs": "i"}
    return {**values, "counts": {}, **changes}


def put(platform: Platform, tenant: Tenant, row: dict[str, Any]) -> str:
    with platform.db.write(tenant) as session:
        update_to = {"snapshot_id": row["snapshot_id"]}
        return upsert(
            session, Record, row, key=("patient_id",), update=update_to, returning=Record.snapshot_id
        )


def test_an_upsert_inserts_then_updates(platform: Platform) -> None:
    assert put(platform, OURS, record(OURS)) == "s1"
    assert put(platform, OURS, record(OURS, snapshot_id="s2")) == "s2"
    with platform.db.read(OURS) as session:
        assert session.get_one(Record, patient_id_of(OURS)).snapshot_id == "s2"


def test_an_upsert_never_changes_another_tenants_row(platform: Platform) -> None:
    put(platform, OTHER_ACCOUNT, record(OTHER_ACCOUNT))
    with pytest.raises(WrongTenantError):
        put(platform, OURS, record(OTHER_ACCOUNT, snapshot_id="stolen"))
    with platform.db.read(OTHER_ACCOUNT) as session:
        assert session.get_one(Record, patient_id_of(OTHER_ACCOUNT)).snapshot_id == "s1"


def test_an_upsert_overrides_a_tenant_given_by_mistake(platform: Platform) -> None:
    put(platform, OURS, record(OURS, **tenant_values(OTHER_ACCOUNT)))
    with platform.db.read(OURS) as session:
        assert session.get(Record, patient_id_of(OURS)) is not None


@pytest.mark.parametrize("given", [{}, tenant_values(OTHER_ACCOUNT)], ids=["none", "another"])
def test_many_rows_are_the_sessions_tenants(platform: Platform, given: dict[str, str]) -> None:
    rows = [record(OURS, **given), record(OTHER_ACCOUNT, **given)]
    with platform.db.write(OURS) as session:
        insert_all_new(session, Record, rows, key=("patient_id",))
        insert_all_new(session, Record, [], key=("patient_id",))
    with platform.db.read(OURS) as session:
        assert len(session.scalars(select(Record)).all()) == 2
    with platform.db.read(OTHER_ACCOUNT) as session:
        assert session.scalars(select(Record)).all() == []


def test_many_rows_are_not_inserted_without_a_tenant_or_to_read(platform: Platform) -> None:
    with pytest.raises(MissingTenantError), platform.db.write(None) as session:
        insert_all_new(session, Record, [record(OURS)], key=("patient_id",))
    with pytest.raises(ReadOnlySessionError), platform.db.read(OURS) as session:
        insert_all_new(session, Record, [record(OURS)], key=("patient_id",))
    with platform.db.read(OURS) as session:
        assert session.scalars(select(Record)).all() == []


def test_insert_new_inserts_once(platform: Platform) -> None:
    for expected, snapshot in ((True, "s1"), (False, "s2")):
        with platform.db.write(OURS) as session:
            row = record(OURS, snapshot_id=snapshot)
            assert insert_new(session, Record, row, key=("patient_id",)) is expected
    with platform.db.read(OURS) as session:
        assert session.get_one(Record, patient_id_of(OURS)).snapshot_id == "s1"
    with pytest.raises(MissingTenantError), platform.db.write(None) as session:
        insert_new(session, Record, record(OURS), key=("patient_id",))


def add_and_query(session: TenantSession) -> None:
    session.add(patient("new"))
    session.scalars(select(P)).all()


WRITES: dict[str, Read] = {
    "a new row": lambda s: s.add(patient("new")),
    "a new row that a query flushes": add_and_query,
    "a changed row": lambda s: setattr(s.get_one(P, patient_id_of(OURS)), "first_name", "Changed"),
    "a deleted row": lambda s: s.delete(s.get_one(P, patient_id_of(OURS))),
    "an update": lambda s: s.execute(update(P).values(first_name="Changed")),
    "a deletion": lambda s: s.execute(delete(P)),
    "an upsert": lambda s: insert_new(s, Record, record(OURS), key=("patient_id",)),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_read_session_that_is_written_to_raises(platform: Platform, write: Read) -> None:
    with pytest.raises(ReadOnlySessionError), platform.db.read(OURS) as session:
        write(session)
    assert owners(platform) == {patient_id_of(tenant): "Ana" for tenant in TENANTS}


def test_the_database_itself_refuses_writes_of_a_read_session(platform: Platform) -> None:
    with pytest.raises(DBAPIError), platform.db.read(OURS) as session:
        session.execute(text("UPDATE patients SET first_name = 'Changed'"))
    with platform.db.write(OURS) as session:  # the same connection, from the pool, writes again
        session.execute(update(P).values(first_name="Changed"))
    assert owners(platform)[patient_id_of(OURS)] == "Changed"


def test_a_read_session_sees_one_state_while_others_write(platform: Platform) -> None:
    count = select(func.count()).select_from(P)
    with platform.db.read(OURS) as reading:
        assert reading.scalar(count) == 1
        with platform.db.write(OURS) as writing:
            writing.add(patient("new"))
        assert reading.scalar(count) == 1
    with platform.db.read(OURS) as reading:
        assert reading.scalar(count) == 2


def test_a_write_session_that_fails_leaves_nothing(platform: Platform) -> None:
    def fail(session: TenantSession) -> None:
        session.add(patient("new"))
        session.flush()
        raise KeyError

    with pytest.raises(KeyError), platform.db.write(OURS) as session:
        fail(session)
    assert "new" not in owners(platform)


def test_a_tenant_survives_being_written_down() -> None:
    for tenant in TENANTS:
        assert Tenant.parse(str(tenant)) == tenant
    for wrong in ("", "sandbox", "sandbox/", "test/abc", "/abc"):
        with pytest.raises(ValueError):
            Tenant.parse(wrong)


def test_a_session_without_a_tenant_has_none(platform: Platform) -> None:
    with platform.db.read(None) as session, pytest.raises(MissingTenantError):
        _ = session.tenant
    with platform.db.read(OURS) as session:
        assert session.tenant == OURS
