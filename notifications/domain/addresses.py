"""Which addresses of the Internet a webhook may be sent to: none that reaches into somebody's own network.

The special ranges are those of IANA's registries (RFC 6890 and what was added since). An IPv6 address must lie in
2000::/3, which alone is given out; so mapped, compatible, translated (NAT64), local and multicast ones are all out.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

LONGEST_URL = 2000
LARGEST_PORT = 65_535

_SPECIAL_V4 = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
_GIVEN_OUT_V6 = ip_network("2000::/3")
# Protocol assignments (with Teredo), documentation, 6to4, documentation again.
_SPECIAL_V6 = tuple(ip_network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
# Where a developer's own receiver is; metadata services hide in link-local ranges, and in fd00:ec2::/32.
_LOCAL = tuple(
    ip_network(text) for text in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)
_METADATA_V6 = ip_network("fd00:ec2::/32")


def may_send_to(address: str, *, local: bool = False) -> bool:
    """Tell whether an address may be sent to; `local` lets this machine and private networks in as well.

    >>> may_send_to("93.184.215.14"), may_send_to("10.0.0.1"), may_send_to("::ffff:10.0.0.1")
    (True, False, False)
    >>> may_send_to("10.0.0.1", local=True), may_send_to("169.254.169.254", local=True)
    (True, False)
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return _is_public(found) or (local and _is_local(found))


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_V4)
    # An address with a zone is meant for one link.
    return (
        address.scope_id is None and address in _GIVEN_OUT_V6 and not any(address in network for network in _SPECIAL_V6)
    )


def _is_local(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in _LOCAL) and address not in _METADATA_V6


def url_fault(url: str, *, local: bool = False) -> str | None:
    """Return what is wrong with an endpoint's URL, None if nothing; its name is not looked up.

    >>> url_fault("https://example.com/hooks") is None
    True
    >>> url_fault("http://example.com/hooks")
    'must begin with https://'
    >>> url_fault("https://169.254.169.254/latest")
    'names an address that must not be sent to'
    """
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url or not url.isascii():
        return f"must be a URL of at most {LONGEST_URL} ASCII characters without spaces"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is no URL"
    return _scheme_fault(parts, local=local) or _host_fault(parts, port, local=local)


def _scheme_fault(parts: SplitResult, *, local: bool) -> str | None:
    if parts.scheme not in ({"https", "http"} if local else {"https"}):
        return "must begin with http:// or https://" if local else "must begin with https://"
    if parts.username is not None or parts.password is not None:
        return "must not hold a user name or a password"
    return "must not hold a fragment" if parts.fragment else None


def _host_fault(parts: SplitResult, port: int | None, *, local: bool) -> str | None:
    host = parts.hostname or ""
    if not host or port == 0:
        return "must name a host"
    try:
        ip_address(host)
    except ValueError:
        # `2130706433` and `0x7f.1` are addresses to some resolvers.
        last = host.rstrip(".").rpartition(".")[2]
        return "must name a host" if last[:1].isdigit() or not last else None
    return None if may_send_to(host, local=local) else "names an address that must not be sent to"
