"""The email with an estimate, as text and as HTML: its jobs, its total and the link to answer it."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.template.loader import render_to_string

from common.domain.mail import Mail
from repair_orders.estimates.links import link_of
from repair_orders.estimates.models import Estimate


def estimate_mail(estimate: Estimate) -> Mail:
    """Return the email to the address that the revision was sent to."""
    paper = estimate.snapshot
    shop = paper["shop"] or {}
    until = estimate.expires_at.astimezone(ZoneInfo(shop.get("time_zone") or "UTC"))
    context = {
        "paper": paper,
        "shop": shop.get("name") or "the shop",
        "jobs": [job for job in paper["jobs"] if job["status"] == "proposed"],
        "link": link_of(estimate),
        "until": until,
    }
    text, html = (
        render_to_string(f"repair_orders/mail/estimate.{kind}", context) for kind in ("txt", "html")
    )
    mail = Mail(subject="Your estimate", body=text, to=[estimate.sent_to])
    mail.attach_alternative(html, "text/html")
    return mail
