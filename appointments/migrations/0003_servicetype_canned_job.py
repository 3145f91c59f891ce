import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('appointments', '0002_visits'),
        ('catalogue', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='servicetype',
            name='canned_job',
            field=models.ForeignKey(blank=True, help_text='The job that the service becomes when the vehicle is checked in.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='catalogue.cannedjob'),
        ),
    ]
