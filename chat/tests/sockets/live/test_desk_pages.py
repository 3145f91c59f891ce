"""Open pages of the desk are told that something changed, and nothing else."""

from __future__ import annotations

import asyncio

import pytest
import requests
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from chat.sockets.desk_pages import CHANGED, PATH
from testing.live import ADMIN, ALICE, FLEET, Person, closed, say, silent


def sign_in(url, login, page):
    """Return the cookies of a browser that signed in on a page."""
    with requests.Session() as browser:
        browser.get(f"{url}{page}", timeout=10)
        form = {"csrfmiddlewaretoken": browser.cookies["csrftoken"], "next": "/admin/tables/"}
        form |= {"username": login["email"], "password": login["password"]}
        answer = browser.post(f"{url}{page}", form, timeout=10, allow_redirects=False)
        assert answer.status_code == 302
        return browser.cookies


@pytest.fixture(scope="module")
def cookies(server):
    return sign_in(server.url, ADMIN, "/admin/login/")


def page(server, cookies=None, origin=None):
    headers = {"Cookie": "; ".join(f"{one.name}={one.value}" for one in cookies)} if cookies else {}
    return connect(
        f"{server.url.replace('http', 'ws')}{PATH}",
        origin=server.url if origin is None else origin or None,
        additional_headers=headers,
    )


def test_page_of_staff_is_told_once_of_changes_at_the_same_time(server, cookies, alice, conversation):
    async def scenario():
        async with page(server, cookies) as one, page(server, cookies) as other:
            await asyncio.to_thread(alice.say, conversation, "Hello?")
            assert [await asyncio.wait_for(each.recv(), 5) for each in (one, other)] == [CHANGED] * 2
            for text in ("Still", "there?"):
                await asyncio.to_thread(alice.say, conversation, text)
            assert await asyncio.wait_for(one.recv(), 5) == CHANGED
            assert await silent(one, 1.5)

    asyncio.run(scenario())


def test_typing_tells_nothing(server, cookies, alice, conversation):
    async def scenario():
        async with page(server, cookies) as one, alice.socket() as phone:
            await say(phone, type="TYPING", threadId=conversation)
            assert await silent(one, 1.5)

    asyncio.run(scenario())


def test_page_without_a_session_of_staff_is_closed_with_4401(server):
    async def code(cookies):
        async with page(server, cookies) as one:
            return await closed(one)

    customer = sign_in(server.url, ALICE, "/customer/login/")
    owner = sign_in(server.url, FLEET, "/customer/login/")
    assert [asyncio.run(code(jar)) for jar in (None, customer, owner)] == [4401] * 3


def test_page_of_another_host_is_refused(server, cookies):
    for origin in ("https://evil.example", "null", f"{server.url}.evil.example", ""):
        with pytest.raises(InvalidStatus) as refused:
            asyncio.run(page(server, cookies, origin).__aenter__())
        assert refused.value.response.status_code == 403


def test_socket_closes_with_its_session(server):
    cookies = sign_in(server.url, ADMIN, "/admin/login/")

    async def scenario():
        async with page(server, cookies) as one:
            token = {"csrfmiddlewaretoken": cookies["csrftoken"]}
            await asyncio.to_thread(
                requests.post, f"{server.url}/admin/logout/", token, cookies=cookies, timeout=10
            )
            assert await closed(one) == 4401

    asyncio.run(scenario())


def test_booking_renews_the_pages(server, cookies):
    admin = Person(server.url, ADMIN)

    async def scenario():
        async with page(server, cookies) as one:
            appointment = (
                await asyncio.to_thread(admin.call, "GET", "/api/shop/appointments/?status=pending")
            )["results"][0]
            await asyncio.to_thread(
                admin.call, "POST", f"/api/shop/appointments/{appointment['id']}/cancel/", {}
            )
            assert await asyncio.wait_for(one.recv(), 5) == CHANGED

    asyncio.run(scenario())
