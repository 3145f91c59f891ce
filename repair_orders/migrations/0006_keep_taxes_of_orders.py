import django.core.validators
import django.db.models.deletion
import repair_orders.models
from django.db import migrations, models

KINDS = {'part': 'taxes_parts', 'labour': 'taxes_labour', 'sublet': 'taxes_sublet'}
TAXED_KINDS = {
    'blank': True,
    'default': repair_orders.models.every_kind,
    'editable': False,
    'help_text': 'The kinds of lines that are taxable where the catalogue does not say otherwise.',
}


def take_kinds(apps, schema_editor):
    """Give orders the kinds that the present rule of their location taxes, which decided until now."""
    orders = apps.get_model('repair_orders', 'RepairOrder').objects
    for rule in apps.get_model('repair_orders', 'TaxRule').objects.all():
        kinds = [kind for kind, column in KINDS.items() if getattr(rule, column)]
        if len(kinds) < len(KINDS):
            orders.filter(location=rule.location_id).update(taxed_kinds=kinds)


def end_exemptions(apps, schema_editor):
    """Take the certificate off orders that were taxed by hand: the tax is what the customer was shown."""
    orders = apps.get_model('repair_orders', 'RepairOrder').objects
    orders.filter(tax_percent__gt=0).exclude(tax_exemption='').update(tax_exemption='')


class Migration(migrations.Migration):

    dependencies = [
        ('repair_orders', '0005_key_tag'),
    ]

    operations = [
        migrations.AddField(
            model_name='historicalrepairorder',
            name='taxed_kinds',
            field=models.JSONField(**TAXED_KINDS),
        ),
        migrations.AddField(
            model_name='repairorder',
            name='taxed_kinds',
            field=models.JSONField(**TAXED_KINDS),
        ),
        migrations.RunPython(end_exemptions, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name='repairorder',
            constraint=models.CheckConstraint(condition=models.Q(('tax_exemption', ''), ('tax_percent', 0), _connector='OR'), name='exempt_order_has_no_tax', violation_error_message='An order with a certificate of exemption has no tax.'),
        ),
        migrations.CreateModel(
            name='AddedTax',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('amount', models.DecimalField(decimal_places=2, max_digits=10, validators=[django.core.validators.MinValueValidator(0)])),
                ('authorisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='added_taxes', to='repair_orders.authorisation')),
            ],
            options={
                'verbose_name_plural': 'added taxes',
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='added_tax_is_positive')],
            },
        ),
        migrations.RemoveConstraint(
            model_name='paper',
            name='paper_once',
        ),
        migrations.AddField(
            model_name='paper',
            name='added_taxes',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddConstraint(
            model_name='paper',
            constraint=models.UniqueConstraint(fields=('estimate', 'kind', 'withdrawals', 'added_taxes'), name='paper_once'),
        ),
        # Last: PostgreSQL alters no table of which a row was updated twice in the transaction.
        migrations.RunPython(take_kinds, migrations.RunPython.noop),
    ]
