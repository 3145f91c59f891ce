"""The email with an estimate, as text and as HTML: its jobs, its total and the link to answer it."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils import timezone

from common.domain.mail import Mail
from common.domain.types import Json
from repair_orders.estimates.links import link_of
from repair_orders.estimates.models import Estimate
from repair_orders.papers.texts import money


def estimate_mail(estimate: Estimate) -> Mail:
    """Return the email to the address that the revision was sent to."""
    paper = estimate.snapshot
    shop = paper["shop"] or {}
    context = {
        "paper": paper,
        "shop": shop.get("name") or "the shop",
        "phone": shop.get("phone") or "",
        "jobs": [
            {"name": job["name"], "amount": money(job["amount"])}
            for job in paper["jobs"]
            if job["status"] == "proposed"
        ],
        "total": money(paper["totals"]["total"]),
        "link": link_of(estimate),
        "until": estimate.expires_at,
    }
    # Templates print times in the present time zone, whatever zone they carry.
    with timezone.override(ZoneInfo(shop.get("time_zone") or "UTC")):
        text, html = (
            render_to_string(f"repair_orders/mail/estimate.{kind}", context) for kind in ("txt", "html")
        )
    mail = Mail(subject=_subject(paper), body=text, to=[estimate.sent_to])
    mail.attach_alternative(html, "text/html")
    return mail


def _subject(paper: Json) -> str:
    """Return who asks, about which vehicle, and the total. Of the vehicle it has what reminders name in theirs."""
    shop = (paper["shop"] or {}).get("name")
    vehicle = " ".join(
        str(paper["vehicle"][name]) for name in ("year", "make", "model") if paper["vehicle"][name]
    )
    words = [f"{shop}: your estimate" if shop else "Your estimate"]
    words += [f" for the {vehicle}"] if vehicle else []
    return " ".join(f"{''.join(words)}, {money(paper['totals']['total'])}".split())
