import json

from tests.cli.conftest import Run


def test_a_key_is_shown_once_listed_and_revoked(run: Run) -> None:
    made = run("keys", "create", "anna", "--namespace", "reports", "--scope", "write")
    assert made.code == 0
    secret = made.out.strip()
    assert secret.startswith("ll_")
    assert len(secret) > 40
    listed = run("keys", "list")
    assert "anna" in listed.out
    assert "reports (write)" in listed.out
    assert secret not in listed.out
    (told,) = json.loads(run("keys", "list", "--json").out)
    assert told["grants"] == {"reports": "write"}
    assert "digest" not in told
    assert run("keys", "revoke", "anna").code == 0
    again = run("keys", "revoke", "anna")
    assert (again.code, "not_found" in again.err) == (1, True)
    taken = run("keys", "create", "anna", "--namespace", "x")
    assert "already_exists" in taken.err


def test_a_key_needs_a_namespace_and_a_scope_that_there_is(run: Run) -> None:
    assert run("keys", "create", "anna").code == 2
    assert run("keys", "create", "anna", "-n", "*", "--scope", "owner").code == 2
    assert run("keys", "create", "a b", "-n", "*").code == 2
    made = run("keys", "create", "anna", "-n", "*", "-n", "reports", "--scope", "admin", "--json")
    assert json.loads(made.out)["grants"] == {"*": "admin", "reports": "admin"}
