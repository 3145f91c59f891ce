"""Templates and the ids of their items."""

from __future__ import annotations

import pytest

from inspections.models import Finding, Template, TemplateItem
from inspections.templates import TemplateNameTaken, WrongItem, remove_template, save_template
from testing import factories

pytestmark = pytest.mark.django_db


def items_of(template):
    columns = ("position", "group", "name", "unit", "canned_job__name")
    return list(template.items.in_order().values_list(*columns))


def ids_of(template):
    return dict(template.items.values_list("name", "id"))


def test_items_keep_their_ids_by_id_else_by_group_and_name(template):
    before = ids_of(template)
    save_template(
        template,
        items=[
            {"group": "Brakes", "name": "Pads, rear", "unit": "mm"},
            {"id": before["Engine oil"], "name": "Oil"},
            {"group": "Brakes", "name": "Pads, front", "unit": "1/32 in"},
            {"name": "Horn"},
        ],
    )
    assert items_of(template) == [
        (1, "Brakes", "Pads, rear", "mm", None),
        (2, "", "Oil", "", None),
        (3, "Brakes", "Pads, front", "1/32 in", None),
        (4, "", "Horn", "", None),
    ]
    after = ids_of(template)
    assert (after["Pads, rear"], after["Oil"], after["Pads, front"]) == (
        before["Pads, rear"],
        before["Engine oil"],
        before["Pads, front"],
    )


def test_item_that_takes_the_name_of_another_keeps_its_own_id(template):
    before = ids_of(template)
    front, rear = before["Pads, front"], before["Pads, rear"]
    save_template(
        template,
        items=[
            {"id": front, "group": "Brakes", "name": "Pads, rear"},
            {"id": rear, "group": "Brakes", "name": "Pads, front"},
        ],
    )
    assert ids_of(template) == {"Pads, rear": front, "Pads, front": rear}
    save_template(
        template,
        items=[
            {"group": "Brakes", "name": "Pads, rear"},
            {"id": front, "group": "Brakes", "name": "Pads"},
        ],
    )
    after = ids_of(template)
    assert after["Pads"] == front
    assert after["Pads, rear"] not in (front, rear)


def test_same_items_again_write_no_history(template):
    items = list(template.items.in_order().values("id", "group", "name", "unit", "canned_job_id"))
    save_template(template, items=items)
    assert (TemplateItem.history.count(), Template.history.count()) == (3, 1)


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ([{"name": "Horn"}, {"name": "Horn"}], "items[1].name"),
        ([{"id": 1, "name": "Horn"}, {"id": 1, "name": "Oil"}], "items[1].id"),
        ([{"name": "Oil"}, {"id": 999_999, "name": "Horn"}], "items[1].id"),
    ],
)
def test_wrong_item_is_named_and_nothing_changes(template, items, field):
    before = list(TemplateItem.objects.order_by("id").values())
    with pytest.raises(WrongItem) as error:
        save_template(template, name="New", items=items)
    assert error.value.field == field
    assert list(TemplateItem.objects.order_by("id").values()) == before
    assert Template.objects.get().name == "Courtesy inspection"


def test_item_of_another_template_is_no_item_of_this_one(template):
    other = factories.TemplateItemFactory()
    with pytest.raises(WrongItem):
        save_template(template, items=[{"id": other.pk, "name": "Horn"}])
    assert template.items.count() == 3


def test_taken_name_is_refused(template):
    with pytest.raises(TemplateNameTaken):
        save_template(Template(), name=template.name)
    assert Template.objects.count() == 1


def test_removed_template_leaves_its_inspections(template, findings):
    remove_template(template)
    assert (Template.objects.count(), TemplateItem.objects.count()) == (0, 0)
    assert list(Finding.objects.order_by("id").values_list("item", "name")) == [
        (None, "Engine oil"),
        (None, "Pads, front"),
        (None, "Pads, rear"),
    ]
