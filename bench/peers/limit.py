"""LIMIT: the same bodies, written by hand with WSGI, a JWT check, flat prepared queries and orjson.

No session is looked up, no middleware runs and nothing is logged. This is the least that a request can cost.
"""

from __future__ import annotations

import os
from decimal import Decimal

import jwt
import orjson
import psycopg

SECRET = os.environ["SECRET_KEY"]
WORDS = {"requested": "pending", "pending": "pending", "approved": "pending"}
ORDERS = """
SELECT o.id, o.vehicle_id, v.make, v.model, v.year, v.license_plate, v.vin, v.color, o.customer_id, c.company_name,
       u.first_name, u.last_name, o.status, o.discount_amount, o.discount_percent, o.tax_percent, o.total_cost,
       o.created_at, o.notes, o.given_discount
FROM repair_orders_repairorder o
JOIN vehicles_vehicle v ON v.id = o.vehicle_id
JOIN customers_customer c ON c.id = o.customer_id
LEFT JOIN accounts_user u ON u.id = c.contact_id
JOIN customers_customeruser l ON l.customer_id = c.id
JOIN accounts_user caller ON caller.id = l.user_id
WHERE caller.uuid = %s AND o.status <> 'denied' ORDER BY o.created_at DESC, o.id DESC"""
PARTS = """
SELECT repair_order_id, id, part_id, name, part_number, manufacturer, unit_price, taxable, warranty_months, quantity,
       amount
FROM repair_orders_partline WHERE repair_order_id = ANY(%s) AND is_shown ORDER BY id"""
SERVICES = """
SELECT repair_order_id, id, service_id, name, description, amount, taxable, warranty_months
FROM repair_orders_serviceline WHERE repair_order_id = ANY(%s) AND is_shown ORDER BY kind = 'fee', id"""
PROFILE = """
SELECT caller.id, caller.role, c.id, c.company_name, u.first_name, u.last_name, u.email, u.phone, c.street_address, c.city,
       c.state, c.postal_code, c.country
FROM accounts_user caller
JOIN customers_customeruser l ON l.user_id = caller.id
JOIN customers_customer c ON c.id = l.customer_id
LEFT JOIN accounts_user u ON u.id = c.contact_id
WHERE caller.uuid = %s"""

connection = psycopg.connect(
    host=os.environ.get("DB_HOST", "127.0.0.1"),
    port=os.environ.get("DB_PORT", "5432"),
    user=os.environ.get("DB_USER", "postgres"),
    password=os.environ.get("DB_PASSWORD", "postgres"),
    dbname=os.environ["DB_NAME"],
    autocommit=True,
    prepare_threshold=0,
    options="-c timezone=UTC",
)


def half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def percent_text(percent: Decimal) -> str:
    text = str(percent)
    return text[:-2] if text.endswith("00") else text.rstrip("0")


def total(lines, amount: Decimal, percent: Decimal, tax_percent: Decimal) -> str:
    """Return the total, computed in whole cents. `lines` are (cents, taxable)."""
    subtotal = sum(cents for cents, _ in lines)
    discount = min(int(amount * 100) + half_up(subtotal * int(percent * 10_000), 1_000_000), subtotal)
    if subtotal and discount:
        parts = [divmod(discount * cents, subtotal) for cents, _ in lines]
        left = discount - sum(part for part, _ in parts)
        extra = set(sorted(range(len(parts)), key=lambda i: (-parts[i][1], i))[:left])
        offs = [part + (i in extra) for i, (part, _) in enumerate(parts)]
    else:
        offs = [0] * len(lines)
    taxed = sum(cents - off for (cents, taxable), off in zip(lines, offs, strict=True) if taxable)
    cents = subtotal - discount + half_up(taxed * int(tax_percent * 10_000), 1_000_000)
    return f"{cents // 100}.{cents % 100:02d}"


def repair_orders(user: str) -> dict:
    with connection.cursor() as cursor:
        orders = cursor.execute(ORDERS, [user]).fetchall()
        ids = [row[0] for row in orders]
        parts: dict = {}
        for row in cursor.execute(PARTS, [ids]).fetchall():
            parts.setdefault(row[0], []).append(row)
        services: dict = {}
        for row in cursor.execute(SERVICES, [ids]).fetchall():
            services.setdefault(row[0], []).append(row)
    results = []
    for o in orders:
        name = o[9] or f"{o[10]} {o[11]}".strip()
        part_lines, service_lines = parts.get(o[0], ()), services.get(o[0], ())
        lines = [(int(p[10] * 100), p[7]) for p in part_lines]
        lines += [(int(s[5] * 100), s[6]) for s in service_lines]
        off = o[13] + (o[19] or 0)
        calculated = total(lines, off, o[14], o[15])
        results.append(
            {
                "id": o[0],
                "vehicle_id": o[1],
                "vehicle": {
                    "id": o[1], "make": o[2], "model": o[3], "year": o[4], "license_plate": o[5],
                    "vin": o[6], "color": o[7],
                },
                "customer_id": o[8],
                "customer_name": name,
                "status": WORDS.get(o[12], o[12]),
                "discount_amount": str(off),
                "discount_percent": percent_text(o[14]),
                "tax_percent": percent_text(o[15]),
                "total_cost": calculated if o[16] is None else str(o[16]),
                "date_created": o[17],
                "notes": o[18],
                "repair_order_parts": [
                    {
                        "id": p[1],
                        "part": {
                            "id": p[2], "name": p[3], "part_number": p[4], "manufacturer": p[5],
                            "unit_price": str(p[6]), "taxable": p[7], "warranty_months": p[8],
                        },
                        "quantity": int(p[9]) if p[9] == int(p[9]) else float(p[9]),
                        "total_price": str(p[10]),
                    }
                    for p in part_lines
                ],
                "repair_order_services": [
                    {
                        "id": s[1],
                        "service": {
                            "id": s[2], "name": s[3], "description": s[4], "labor_cost": str(s[5]),
                            "taxable": s[6], "warranty_months": s[7],
                        },
                    }
                    for s in service_lines
                ],
                "calculated_total_cost": calculated,
            }
        )  # fmt: skip
    return {
        "results": results,
        "count": len(results),
        "customer_id": orders[0][8],
        "customer_name": results[0]["customer_name"],
    }


def customer_profile(user: str) -> dict:
    with connection.cursor() as cursor:
        (row,) = cursor.execute(PROFILE, [user]).fetchall()
    caller, role, customer, company, first, last, email, phone, street, city, state, postal_code, country = (
        row
    )
    abroad = "" if country == "USA" else country
    return {
        "user_id": caller,
        "customer": {
            "id": customer,
            "name": company or f"{first} {last}".strip(),
            "email": email,
            "phone": phone,
            "address": ", ".join(
                part for part in (street, city, f"{state} {postal_code}".strip(), abroad) if part
            ),
            "phone_number": phone,
        },
        "user_role": role,
    }


ROUTES = {
    "/api/shop/repair-orders/customers/me/repair-orders/": repair_orders,
    "/api/auth/customer-profile/": customer_profile,
}


def application(environ, start_response):
    token = environ["HTTP_AUTHORIZATION"][7:]
    user = jwt.decode(token, SECRET, algorithms=["HS256"])["user_id"]
    body = orjson.dumps(ROUTES[environ["PATH_INFO"]](user), option=orjson.OPT_UTC_Z)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
