"""Where webhooks may go: nowhere inside, however an address is spelled."""

import pytest

from notifications.domain.addresses import may_send_to, url_fault

# One address at least of every special range of IANA's two registries, first and last where they matter.
INSIDE = (
    "0.0.0.0",  # noqa: S104 - asked about, not listened on
    "0.255.255.255", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1",
    "127.255.255.254", "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.8",
    "192.0.0.170", "192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.0.1", "192.168.255.255",
    "192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
    "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:10.0.0.1", "::ffff:93.184.215.14", "::10.0.0.1", "64:ff9b::a00:1", "64:ff9b::5db8:d70e",
    "64:ff9b:1::a00:1", "100::1", "100:0:0:1::1", "2001::1", "2001:0:5ef5:79fd::1", "2001:2::1", "2001:3::1",
    "2001:4:112::1", "2001:10::1", "2001:20::1", "2001:30::1", "2001:1ff:ffff::1", "2001:db8::1", "2002:a00:1::1",
    "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fdff::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    "2606:4700::1%eth0",
)  # fmt: skip
OUTSIDE = ("93.184.215.14", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.255.255", "172.32.0.1", "169.253.1.1",
           "192.167.255.255", "198.17.255.255", "198.20.0.1", "223.255.255.255",
           "2606:4700::6810:84e5", "2001:200::1", "2a00:1450::1", "3ffe::1")  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_no_address_of_a_special_range_may_be_sent_to(address: str) -> None:
    assert not may_send_to(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_neighbours_of_those_ranges_may(address: str) -> None:
    assert may_send_to(address)


@pytest.mark.parametrize("text", ["", "example.com", "2130706433", "0x7f.1", "127.1", "10.0.0.1/8", "010.0.0.1"])
def test_what_is_no_plain_address_may_not(text: str) -> None:
    assert not may_send_to(text)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", True), ("::1", True), ("10.1.2.3", True), ("172.17.0.1", True), ("192.168.1.1", True),
        ("fd12::1", True), ("169.254.169.254", False), ("fd00:ec2::254", False), ("fe80::1", False),
        ("0.0.0.1", False), ("::ffff:127.0.0.1", False), ("64:ff9b::7f00:1", False), ("224.0.0.1", False),
    ],
)  # fmt: skip
def test_in_development_the_own_network_may_but_never_metadata(address: str, allowed: bool) -> None:
    assert may_send_to(address, local=True) is allowed


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://example.com/hooks?a=1", None),
        ("https://example.com:8443", None),
        ("https://[2606:4700::6810:84e5]/", None),
        ("http://example.com/", "must begin with https://"),
        ("ftp://example.com/", "must begin with https://"),
        ("//example.com/", "must begin with https://"),
        ("https://user:secret@example.com/", "must not hold a user name or a password"),
        ("https://example.com@10.0.0.1/", "must not hold a user name or a password"),
        ("https://example.com/#part", "must not hold a fragment"),
        ("https:///path", "must name a host"),
        ("https://2130706433/", "must name a host"),
        ("https://0x7f.0.0.1/", "must name a host"),
        ("https://127.1/", "must name a host"),
        ("https://example.com:0/", "must name a host"),
        ("https://example.com:99999/", "is no URL"),
        ("https://[::1/", "is no URL"),
        ("https://10.0.0.1/", "names an address that must not be sent to"),
        ("https://[::ffff:10.0.0.1]/", "names an address that must not be sent to"),
        ("https://example.com/a b", "must be a URL of at most 2000 ASCII characters without spaces"),
        ("https://example.com/\r\nHost: evil", "must be a URL of at most 2000 ASCII characters without spaces"),
        ("https://exämple.com/", "must be a URL of at most 2000 ASCII characters without spaces"),
        ("https://example.com/" + "a" * 2000, "must be a URL of at most 2000 ASCII characters without spaces"),
    ],
)
def test_a_url_is_taken_or_its_fault_is_named(url: str, fault: str | None) -> None:
    assert url_fault(url) == fault


def test_in_development_http_is_taken_too() -> None:
    assert url_fault("http://127.0.0.1:9000/", local=True) is None
    assert url_fault("http://169.254.169.254/latest/meta-data", local=True) is not None
    assert url_fault("gopher://127.0.0.1/", local=True) == "must begin with http:// or https://"
