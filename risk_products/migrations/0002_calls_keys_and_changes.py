"""Calls, watched accounts and lists are made anew: nothing was recorded in their first shape."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('models_registry', '0003_four_eyes'),
        ('projects', '0003_audit_append_only'),
        ('risk_products', '0001_initial'),
    ]

    operations = [
        migrations.DeleteModel(name='WatchedAccount'),
        migrations.DeleteModel(name='WatchList'),
        migrations.DeleteModel(name='ScoreCall'),
        migrations.DeleteModel(name='BatchScore'),
        migrations.AlterModelOptions(
            name='product',
            options={'ordering': ['family', 'name'], 'permissions': [('score_product', 'Can try calls and keep watch lists'), ('integrate_product', 'Can issue and revoke keys')]},
        ),
        migrations.CreateModel(
            name='KeyDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('taken', models.PositiveBigIntegerField(default=0)),
                ('key', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='risk_products.productkey')),
            ],
        ),
        migrations.CreateModel(
            name='Refusal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField()),
                ('code', models.CharField(max_length=80)),
                ('calls', models.PositiveBigIntegerField(default=0)),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='projects.institution')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='risk_products.product')),
            ],
        ),
        migrations.AddConstraint(
            model_name='keyday',
            constraint=models.UniqueConstraint(fields=('key', 'day'), name='key_day_once'),
        ),
        migrations.AddConstraint(
            model_name='refusal',
            constraint=models.UniqueConstraint(fields=('product', 'institution', 'hour', 'code'), name='refusal_once'),
        ),
        migrations.CreateModel(
            name='WatchList',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('min_change', models.PositiveIntegerField(default=20, help_text='Report changes of at least so many points.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('last_run_at', models.DateTimeField(null=True)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='projects.institution')),
                ('job', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='projects.job')),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='watch_lists', to='risk_products.product')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='WatchedAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.CharField(max_length=64)),
                ('ids', models.JSONField()),
                ('features', models.BinaryField()),
                ('score', models.IntegerField(null=True)),
                ('band', models.CharField(blank=True, max_length=8)),
                ('reported_score', models.IntegerField(null=True)),
                ('reported_band', models.CharField(blank=True, max_length=8)),
                ('scored_at', models.DateTimeField(null=True)),
                ('last_job', models.UUIDField(null=True)),
                ('error', models.CharField(blank=True, max_length=80)),
                ('authorisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='projects.authorisation')),
                ('watch_list', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='accounts', to='risk_products.watchlist')),
            ],
            options={
                'ordering': ['account'],
            },
        ),
        migrations.CreateModel(
            name='WatchChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('job', models.UUIDField()),
                ('at', models.DateTimeField()),
                ('score_before', models.IntegerField()),
                ('score', models.IntegerField()),
                ('band_before', models.CharField(blank=True, max_length=8)),
                ('band', models.CharField(blank=True, max_length=8)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='risk_products.watchedaccount')),
                ('watch_list', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='changes', to='risk_products.watchlist')),
            ],
            options={
                'ordering': ['-at', 'account__account'],
            },
        ),
        migrations.CreateModel(
            name='ScoreCall',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('request_id', models.CharField(max_length=64)),
                ('at', models.DateTimeField()),
                ('observed_at', models.DateTimeField()),
                ('input_hash', models.CharField(max_length=64)),
                ('features', models.BinaryField()),
                ('answer', models.TextField()),
                ('pd', models.FloatField()),
                ('score', models.IntegerField()),
                ('band', models.CharField(blank=True, max_length=8)),
                ('matched', models.BooleanField()),
                ('took_ms', models.FloatField()),
                ('channel', models.CharField(choices=[('api', 'API'), ('batch', 'Batch'), ('try', 'Tried on the site'), ('watch', 'Watch list')], default='api', max_length=10)),
                ('authorisation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='projects.authorisation')),
                ('institution', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='projects.institution')),
                ('key', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='risk_products.productkey')),
                ('product', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='risk_products.product')),
                ('user', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='models_registry.version')),
            ],
            options={
                'ordering': ['-at'],
                'indexes': [models.Index(fields=['product', 'at'], name='risk_produc_product_69f904_idx'), models.Index(fields=['key', 'at'], name='risk_produc_key_id_50435b_idx')],
                'constraints': [models.UniqueConstraint(fields=('institution', 'product', 'request_id'), name='one_answer_per_request')],
            },
        ),
        migrations.AddConstraint(
            model_name='watchlist',
            constraint=models.UniqueConstraint(fields=('product', 'institution', 'name'), name='watch_list_name_once'),
        ),
        migrations.AddConstraint(
            model_name='watchedaccount',
            constraint=models.UniqueConstraint(fields=('watch_list', 'account'), name='watched_account_once'),
        ),
        migrations.AddIndex(
            model_name='watchchange',
            index=models.Index(fields=['watch_list', 'at'], name='risk_produc_watch_l_176fe8_idx'),
        ),
        migrations.AddConstraint(
            model_name='watchchange',
            constraint=models.UniqueConstraint(fields=('account', 'job'), name='change_once'),
        ),
    ]
