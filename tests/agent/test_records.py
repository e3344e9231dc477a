from pratique.agent.records import Records, record_key
from pratique.constraint import Violation

SUBJECT = ("", "v1", "Pod", "shop", "web")
A, B = ("Kind", "a"), ("Kind", "b")


def violation(name: str, message: str, field: str = "") -> Violation:
    return Violation("Kind", name, message, "deny", locate=lambda *_: field, actions=("deny",))


def put(
    records: Records, *violations: Violation, matched: tuple = (A, B), now: str = "t1", uid: str = "u"
) -> None:  # type: ignore[type-arg]
    records.put(SUBJECT, uid=uid, matched=matched, violations=violations, now=now)


def test_several_violations_of_one_constraint_are_one_record() -> None:
    records = Records()
    put(records, violation("a", "one", "spec.x"), violation("a", "two"), violation("b", "three"))
    record = records.open[record_key(A, SUBJECT)]
    assert (record.messages, record.field) == (("one", "two"), "spec.x")
    assert record.document()["message"] == "one\ntwo"
    assert (records.totals[A].evaluated, records.totals[A].violating) == (1, 1)


def test_the_same_again_is_no_change_and_keeps_the_first_time() -> None:
    records = Records()
    put(records, violation("a", "one"))
    assert records.take().upserts == {record_key(A, SUBJECT)}
    put(records, violation("a", "one"), now="t2")
    assert not records.take()
    put(records, violation("a", "other"), now="t3")
    assert records.take().upserts
    record = records.open[record_key(A, SUBJECT)]
    assert (record.first_seen, record.last_seen) == ("t1", "t3")


def test_an_object_of_the_same_name_is_another_one() -> None:
    records = Records()
    put(records, violation("a", "one"))
    put(records, violation("a", "one"), now="t2", uid="new")
    assert records.open[record_key(A, SUBJECT)].first_seen == "t2"


def test_what_is_fixed_or_gone_is_closed() -> None:
    records = Records()
    put(records, violation("a", "one"), violation("b", "two"))
    put(records, violation("b", "two"))
    assert set(records.open) == {record_key(B, SUBJECT)}
    records.drop(SUBJECT)
    assert not records.open
    assert (records.totals[A].evaluated, records.totals[B].violating) == (0, 0)
    assert records.take().removals == {record_key(A, SUBJECT), record_key(B, SUBJECT)}


def test_a_constraint_that_no_longer_applies_is_not_counted() -> None:
    records = Records()
    put(records, violation("a", "one"))
    put(records, matched=(B,))
    assert (records.totals[A].evaluated, records.totals[A].violating, records.totals[B].evaluated) == (
        0,
        0,
        1,
    )


def test_a_constraint_that_is_gone_takes_its_records_along_and_nothing_else() -> None:
    records = Records()
    put(records, violation("a", "one"), violation("b", "two"))
    records.drop_constraint(A)
    assert set(records.open) == {record_key(B, SUBJECT)}
    assert A not in records.totals
    records.drop(SUBJECT)
    assert not records.open
    assert A not in records.totals


def test_changes_that_could_not_be_told_come_back_but_what_happened_since_wins() -> None:
    records = Records()
    put(records, violation("a", "one"), violation("b", "two"))
    changes = records.take()
    put(records, violation("b", "two"))
    records.give_back(changes)
    again = records.take()
    assert again.upserts == {record_key(B, SUBJECT)}
    assert again.removals == {record_key(A, SUBJECT)}


def test_listeners_hear_only_of_constraints_that_changed() -> None:
    records = Records()
    heard: list[set[tuple[str, str]]] = []
    records.listen(lambda constraints: heard.append(set(constraints)))
    put(records, violation("a", "one"))
    put(records, violation("a", "one"))
    put(records)
    assert heard == [{A, B}, {A}]
