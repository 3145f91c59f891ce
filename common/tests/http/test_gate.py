"""A thread stays free while writes wait for the database."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from common.http import gate
from common.http.gate import WriteGate

make = RequestFactory()


@pytest.fixture(autouse=True)
def _short(monkeypatch, settings):
    monkeypatch.setattr(gate, "PATIENCE_SECONDS", 0.1)
    settings.WEB_THREADS = 3


class Site:
    """A gate before a view whose writes run until `ended`, in a statement or beside the database."""

    def __init__(self, *, in_statement):
        self.ended, self.in_statement, self.begun = Event(), in_statement, 0
        self.gate = WriteGate(self.view)

    def view(self, request):
        if request.method == "POST":
            self.begun += 1
            if self.in_statement:
                [write] = gate.connection.execute_wrappers
                write(lambda *_: self.ended.wait(5), "UPDATE", None, False, {})
            else:
                self.ended.wait(5)
        return HttpResponse("ok")

    def post(self):
        return self.gate(make.post("/api/shop/vehicles/"))

    def get(self):
        return self.gate(make.get("/healthz"))


@pytest.fixture
def threads():
    with ThreadPoolExecutor(6) as threads:
        yield threads


def begin(site, threads, number):
    running = [threads.submit(site.post) for _ in range(number)]
    while site.begun < number:
        time.sleep(0.005)
    return running


def test_write_is_refused_while_all_others_wait_for_the_database(threads):
    site = Site(in_statement=True)
    running = begin(site, threads, 2)
    assert site.get().status_code == 200
    refused = site.post()
    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
    assert refused.content == (
        b'{"error":"Service unavailable",'
        b'"detail":"The service cannot answer right now. Try again in a few seconds.",'
        b'"code":"unavailable"}'
    )
    began = time.monotonic()  # a second one is refused at once, so that a queue of them holds no thread
    assert site.post().status_code == 503
    assert time.monotonic() - began < 0.05
    site.ended.set()
    assert [one.result().status_code for one in running] == [200, 200]
    assert site.post().status_code == 200


def test_write_waits_for_a_slot_while_others_work(threads):
    site = Site(in_statement=False)
    begin(site, threads, 2)
    third = threads.submit(site.post)
    time.sleep(0.3)
    assert not third.done()
    site.ended.set()
    assert third.result().status_code == 200


def test_slot_is_free_again_after_an_exception(threads):
    site = Site(in_statement=False)
    site.ended.set()

    def fail(request):
        raise KeyError

    site.gate.get_response = fail
    for _ in range(5):
        with pytest.raises(KeyError):
            site.post()
    assert site.gate._writes == set()


def test_reads_are_not_limited(threads):
    site = Site(in_statement=True)
    begin(site, threads, 2)
    assert {site.get().status_code for _ in range(20)} == {200}
    site.ended.set()
