"""Only a plain URL on this machine is probed, and a refusal never repeats what was given."""

from __future__ import annotations

import ipaddress
import socket

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.connectivity.url import HOSTS, checked_url
from opslab.errors import SpecError


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("http://localhost", "http://localhost/"),
        ("HTTP://LOCALHOST:8000/Ping", "http://localhost:8000/Ping"),
        ("http://127.0.0.1:80/a%20b", "http://127.0.0.1/a%20b"),
        ("http://[::1]:65535", "http://[::1]:65535/"),
        ("http://localhost:00080/", "http://localhost/"),
        ("http://localhost/.well-known/a..b/...", "http://localhost/.well-known/a..b/..."),
    ],
)
def test_what_is_allowed_is_normalised(text, normalised):
    assert str(checked_url(text)) == normalised


TRICKS = [
    "",
    " http://localhost/",
    "http://localhost/ ",
    "http://localhost/\n",
    "http://localhost\t/",
    "https://localhost/",
    "ftp://localhost/",
    "//localhost/",
    "http:/localhost/",
    "http:localhost",
    "http://",
    "http:///",
    "http://user@localhost/",
    "http://user:secret@localhost/",
    "http://localhost@evil.example/",
    "http://evil.example#@localhost/",
    "http://evil.example/?@localhost",
    "http://localhost\\@evil.example/",
    "http://localhost\\.evil.example/",
    "http://localhost.evil.example/",
    "http://localhost./",
    "http://.localhost/",
    "http://localhost:/",
    "http://localhost:0/",
    "http://localhost:65536/",
    "http://localhost:-1/",
    "http://localhost:8_0/",
    "http://localhost:\uff18\uff10/",
    "http://localhost?a=b",
    "http://localhost/?a=b",
    "http://localhost/#x",
    "http://localhost/%",
    "http://localhost/%zz",
    "http://127.1/",
    "http://127.0.0.2/",
    "http://127.0.0.1./",
    "http://127.0.0.01/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://2130706433/",
    "http://①②⑦.0.0.1/",
    "http://loc%61lhost/",
    "http://l\u043ecalhost/",
    "http://ⓛocalhost/",
    "http://0.0.0.0/",
    "http://0/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::1%25lo]/",
    "http://[::1%lo]/",
    "http://::1/",
    "http://[localhost]/",
    "http://[127.0.0.1]/",
    "http://ip6-localhost/",
    "http://example.org/",
    "http://169.254.169.254/",
    "http://localhost/.",
    "http://localhost/..",
    "http://localhost/a/../x",
    "http://localhost/./x",
    "http://localhost/a/%2e%2E/x",
    "http://localhost/.%2e",
    "http://localhost/%2e/",
    "http://localhost/a b",
    "http://localhost/ä",
    "http://localhost/\x00",
    "http://localhost/" + "a" * 5_000,
]


@pytest.mark.parametrize("text", TRICKS)
def test_everything_else_is_refused_in_one_line(text):
    with pytest.raises(SpecError) as refused:
        checked_url(text)
    told = str(refused.value)
    assert "\n" not in told
    assert "localhost, 127.0.0.1 or [::1]" in told or "without . and .." in told


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=30))
def test_a_secret_in_it_is_not_repeated(secret):
    told = ""
    try:
        checked_url(f"http://{secret}SECRETWORD@localhost/{secret}")
    except SpecError as refused:
        told = str(refused)
    assert told
    assert "SECRETWORD" not in told


SEGMENTS = st.sampled_from(["", "a", ".", "..", "...", "%2e", "%2E.", ".a", "%2f", "%41", "~", "a:b@c", "!$&'()*+,;="])


@given(st.lists(SEGMENTS, max_size=5))
def test_what_is_sent_is_what_is_recorded(segments):
    try:
        url = checked_url("http://localhost/" + "/".join(segments))
    except SpecError:
        assert any(segment.lower().replace("%2e", ".") in {".", ".."} for segment in segments)
        return
    sent = httpx.Request("GET", f"http://127.0.0.1:{url.port}{url.path}").url
    assert sent.raw_path.decode() == str(url).removeprefix("http://localhost")


@given(
    st.text(
        alphabet=st.sampled_from(list("http://localhost127.0.0.1[::1]:8@#?%\\ \t\n0xfe./user")), min_size=1, max_size=40
    )
)
def test_whatever_passes_leads_to_this_machine(text):
    try:
        url = checked_url(text if text.startswith("http://") else f"http://{text}")
    except SpecError:
        return
    assert url.host in HOSTS
    for address in url.addresses:
        assert ipaddress.ip_address(address).is_loopback
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        socket.inet_pton(family, address)  # a literal: nothing is looked up
