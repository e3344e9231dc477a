import pytest

from pratique.agent.exclusions import Exclusions
from pratique.agent.settings import Settings, pod_from, port_of, service_from
from pratique.errors import InputError


def test_the_service_is_read_whole_or_not_at_all() -> None:
    assert service_from({}) is None
    environ = {"PRATIQUE_SERVICE_URL": "https://s", "PRATIQUE_CLUSTER": "c", "PRATIQUE_SERVICE_TOKEN": "t"}
    service = service_from(environ)
    assert service and (service.url, service.cluster, service.token) == ("https://s", "c", "t")
    assert "token" not in repr(service)
    with pytest.raises(InputError, match="PRATIQUE_CLUSTER is empty"):
        service_from({"PRATIQUE_SERVICE_URL": "https://s"})


def test_the_pod_is_read_from_the_downward_api() -> None:
    environ = {"POD_NAME": "p", "POD_NAMESPACE": "n", "POD_IP": "10.0.0.1"}
    assert pod_from(environ) == ("p", "n", "10.0.0.1")
    assert pod_from({})[1] == "pratique-system"


@pytest.mark.parametrize(("address", "port"), [(":9090", 9090), ("0.0.0.0:1", 1), ("[::1]:2", 2), ("3", 3)])
def test_ports_of_addresses(address: str, port: int) -> None:
    assert port_of(address, flag="--health-addr") == port


@pytest.mark.parametrize("address", ["", ":", "host", ":70000", ":-1"])
def test_addresses_without_a_port(address: str) -> None:
    with pytest.raises(InputError, match="--health-addr"):
        port_of(address, flag="--health-addr")


def test_who_may_carry_the_ignore_label() -> None:
    settings = Settings(exempt_namespaces=("a",), exempt_prefixes=("kube-",), exempt_suffixes=("-sys",))
    assert all(settings.exempt(name) for name in ("pratique-system", "a", "kube-x", "x-sys"))
    assert not settings.exempt("shop")


def test_exclusions_by_process() -> None:
    exclusions = Exclusions("own")
    match = [
        {"processes": ["*"], "excludedNamespaces": ["all-*"]},
        {"processes": ["audit", "sync"], "excludedNamespaces": ["*-quiet", "exact"]},
    ]
    assert exclusions.load({"spec": {"match": match}})
    assert not exclusions.load({"spec": {"match": match}})
    assert exclusions.excluded("webhook", "all-x")
    assert exclusions.excluded("audit", "very-quiet")
    assert not exclusions.excluded("webhook", "exact")
    assert exclusions.excluded("webhook", "own")
    assert not exclusions.excluded("audit", "")
    exclusions.load({"spec": {"match": [{"processes": ["audit"], "excludedNamespaces": ["*"]}]}})
    # `*` takes the cluster's own objects along (gatekeeper.md 1.7).
    assert exclusions.excluded("audit", "")
    assert exclusions.load(None)
